/**
 * A heartbeat's part on budgets: what the disk holds. All of it, where that fits into a message; else a part, another
 * with each heartbeat, from which nothing is concluded about the rest.
 */
import { holdings } from "@claviger/shared/escrow/recover";
import type { EscrowState } from "@claviger/shared/escrow/replica-state";
import { type Holding as Held, isDrained } from "@claviger/shared/escrow/slice";
import { type Demand, type EscrowReport, type Holding, SHOW_MAX } from "@claviger/shared/wire/escrow";
import type { Heartbeat } from "@claviger/shared/wire/heartbeat";

/** What the wire takes; and a heartbeat has to fit into one message, with all else that it says. */
const HOLDINGS_MAX = 4_000;
const BYTES_MAX = 700_000;
/** Fewer lines than this always fit. */
const LINES_SMALL = 2_000;
/** A line is no longer, and one with its slice as it was signed. */
const LINE_BYTES_MAX = 170;
const SHOWN_BYTES_MAX = 2_300;

export type EscrowVitals = Pick<Heartbeat, "escrow" | "escrowPart" | "escrowLeftOut">;

export class Reports {
  /** Where the next part goes on, among the empty slices and among the others. */
  #drainedFrom = 0;
  #othersFrom = 0;

  /** `show` names slices that go as they were signed. */
  next(state: EscrowState, show: ReadonlySet<string>, demand: Demand[], lastSeq: number): EscrowVitals {
    const held = holdings(state);
    if (held.length <= HOLDINGS_MAX) {
      const escrow: EscrowReport = { holding: held.map((one) => lineOf(state, show, one)), demand, lastSeq };
      const isLarge = held.length + demand.length > LINES_SMALL && JSON.stringify(escrow).length > BYTES_MAX;
      if (!isLarge) return { escrow };
    }
    const holding = this.#part(held, show, JSON.stringify(demand).length).map((one) =>
      lineOf(state, show, one),
    );
    return { escrowLeftOut: true, escrowPart: { holding, demand, lastSeq } };
  }

  /** What was asked for, then what can be closed, and at least a quarter for the rest, so that it can be asked back. */
  #part(held: readonly Held[], show: ReadonlySet<string>, demandBytes: number): Held[] {
    const shown = held.filter(({ slice }) => show.has(slice)).slice(0, SHOW_MAX);
    const bytes = BYTES_MAX - demandBytes - shown.length * SHOWN_BYTES_MAX;
    const lines = Math.min(HOLDINGS_MAX - shown.length, Math.floor(bytes / LINE_BYTES_MAX));
    const rest = held.filter(({ slice }) => !show.has(slice));
    const drained = rest.filter(isDrained);
    const others = rest.filter((one) => !isDrained(one));
    const first = turn(drained, this.#drainedFrom, lines - Math.min(others.length, Math.floor(lines / 4)));
    const then = turn(others, this.#othersFrom, lines - first.length);
    this.#drainedFrom += first.length;
    this.#othersFrom += then.length;
    return [...shown, ...first, ...then];
  }
}

/** So many of them, from that place on and round. */
function turn(all: readonly Held[], from: number, count: number): Held[] {
  const at = all.length === 0 ? 0 : from % all.length;
  return [...all.slice(at), ...all.slice(0, at)].slice(0, count);
}

function lineOf(state: EscrowState, show: ReadonlySet<string>, held: Held): Holding {
  const { slice, amount, spent, reserved, lastSeq } = held;
  const line = { slice, amount: String(amount), spent: String(spent), reserved: String(reserved), lastSeq };
  const jws = show.has(slice) ? state.durable.slices.get(slice)?.slice.jws : undefined;
  return jws === undefined ? line : { ...line, jws };
}

/** A heartbeat's part on budgets: what the disk holds, always all of it, or nothing where that is too much. */
import { holdings } from "@claviger/shared/escrow/recover";
import type { EscrowState } from "@claviger/shared/escrow/replica-state";
import type { Demand, Holding } from "@claviger/shared/wire/escrow";
import type { Heartbeat } from "@claviger/shared/wire/heartbeat";

/** What the wire takes; and a heartbeat has to fit into one message, with all else that it says. */
const HOLDINGS_MAX = 4_000;
const BYTES_MAX = 700_000;
/** Fewer lines than this always fit. */
const LINES_SMALL = 2_000;

export type EscrowVitals = Pick<Heartbeat, "escrow" | "escrowLeftOut">;

/** `show` names slices that go as they were signed. */
export function reportOf(
  state: EscrowState,
  show: ReadonlySet<string>,
  demand: Demand[],
  lastSeq: number,
): EscrowVitals {
  const held = holdings(state);
  if (held.length > HOLDINGS_MAX) return { escrowLeftOut: true };
  const holding = held.map(({ slice, amount, spent, reserved, lastSeq: last }): Holding => {
    const line = { slice, amount: String(amount), spent: String(spent), reserved: String(reserved) };
    const jws = show.has(slice) ? state.durable.slices.get(slice)?.slice.jws : undefined;
    return { ...line, lastSeq: last, ...(jws === undefined ? {} : { jws }) };
  });
  const escrow = { holding, demand, lastSeq };
  const isLarge = held.length + demand.length > LINES_SMALL && JSON.stringify(escrow).length > BYTES_MAX;
  return isLarge ? { escrowLeftOut: true } : { escrow };
}

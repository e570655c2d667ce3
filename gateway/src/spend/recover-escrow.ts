/** What the last process left of escrow: its holdings as they were, and a settlement in full for each open reservation. */
import type { JournalRecord, Reservation } from "@claviger/shared/escrow/held";
import { recordOf } from "@claviger/shared/escrow/journal-line";
import { recover } from "@claviger/shared/escrow/recover";
import type { EscrowState, Spender } from "@claviger/shared/escrow/replica-state";
import type { OpenRecord, Spent } from "../ports.ts";
import type { AboutAttempt } from "./reserve.ts";

export interface Recovered {
  readonly state: EscrowState;
  readonly records: readonly { readonly n: number; readonly record: JournalRecord }[];
  /** In the order of their numbers, of which the first is `nextSeq`. */
  readonly crashed: readonly { readonly record: OpenRecord; readonly spent: Spent }[];
}

/** Throws on a journal that contradicts itself: nothing may be spent by it. */
export function recoverEscrow(
  spender: Spender,
  lines: readonly string[],
  nextSeq: number,
  wallMs: number,
): Recovered {
  const journal = lines.map(recordOf);
  const open = new Map<string, Reservation>();
  for (const record of journal) {
    if (record.kind === "reserve") open.set(record.reservation.id, record.reservation);
    if (record.kind === "settle") open.delete(record.id);
  }
  const { state, effects } = recover(spender, journal, nextSeq, wallMs);
  const records = effects.flatMap((effect) => (effect.type === "append" ? [effect] : []));
  const crashed = records.flatMap(({ record }) => {
    if (record.kind !== "settle") return [];
    const reservation = open.get(record.id);
    if (reservation === undefined) throw new Error(`${record.id} is settled and was not open`);
    const { record: about, priceRev } = reservation.about as AboutAttempt;
    const charges = record.charges.map(({ slice, n }) => {
      const { budget, startMs } = state.held.slices.get(slice)?.slice ?? {};
      return { slice, n: String(n), budget, startMs };
    });
    return [{ record: about, spent: { charges, cost: String(reservation.nanos), priceRev } }];
  });
  return { state, records, crashed };
}

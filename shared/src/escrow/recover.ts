/** A new process over an old journal, and what a heartbeat says of escrow. */
import { Held, type JournalRecord } from "./held.ts";
import { step } from "./replica.ts";
import { type EscrowEffect, type EscrowState, emptyEscrow, type Spender } from "./replica-state.ts";
import type { Holding } from "./slice.ts";

/**
 * The state after a restart, and its first writes. Whatever was reserved may have been forwarded, and what it cost
 * nobody knows: it is settled in full, from `nextSeq` on. The rest of each slice is as good as before.
 */
export function recover(
  identity: Spender,
  journal: readonly JournalRecord[],
  nextSeq: number,
  wallMs: number,
): { readonly state: EscrowState; readonly effects: readonly EscrowEffect[]; readonly nextSeq: number } {
  const state: EscrowState = { ...emptyEscrow(identity), held: folded(journal), durable: folded(journal) };
  const effects: EscrowEffect[] = [];
  let seq = nextSeq;
  for (const id of [...state.held.reservations.keys()]) {
    effects.push(...step(state, { type: "settle", id, seq: seq++, actual: null, wallMs }));
  }
  return { state, effects, nextSeq: seq };
}

/** Throws on a journal that contradicts itself: nothing may be spent by it. */
function folded(journal: readonly JournalRecord[]): Held {
  const held = new Held();
  for (const record of journal) held.apply(record);
  return held;
}

/** The shortest journal that leads to the same holdings: what an old one is replaced by. */
export function compacted(held: Held): JournalRecord[] {
  const records: JournalRecord[] = [];
  for (const { slice, amount, spent, lastSeq } of held.slices.values()) {
    records.push({ kind: "slice", slice });
    if (spent > 0n) {
      const id = `compacted.${slice.id}`;
      const charges = [{ slice: slice.id, n: spent }];
      records.push({ kind: "reserve", reservation: { id, nanos: spent, charges, about: null } });
      records.push({ kind: "settle", id, seq: lastSeq, charges, overrun: 0n });
    }
    if (amount < slice.amount) records.push({ kind: "shrink", slice: slice.id, amount });
  }
  for (const reservation of held.reservations.values()) records.push({ kind: "reserve", reservation });
  return records;
}

/** All that the disk holds; a replica speaks of nothing else. */
export function holdings(state: EscrowState): Holding[] {
  const held = [...state.durable.slices.values()].map(
    ({ slice, amount, spent, reserved, lastSeq }): Holding => ({
      slice: slice.id,
      amount,
      spent,
      reserved,
      lastSeq,
    }),
  );
  const ended = [...state.resent].flatMap((slice): Holding[] => {
    const end = state.dropped.get(slice);
    if (end === undefined) return [];
    return [{ slice, amount: end.spent, spent: end.spent, reserved: 0n, lastSeq: end.lastSeq }];
  });
  return [...held, ...ended];
}

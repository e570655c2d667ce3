/**
 * What a replica holds, as a fold over its journal. The bargain: the same fold makes what is in memory, what is known
 * to be on disk, and what a new process starts from, and in each of them spent + reserved ≤ amount.
 */
import type { Charge, Slice } from "./slice.ts";

export interface HeldSlice {
  readonly slice: Slice;
  amount: bigint;
  spent: bigint;
  reserved: bigint;
  lastSeq: number;
}

/** Money that is set aside for one attempt until it is settled. */
export interface Reservation {
  readonly id: string;
  /** The worst case, the same in each budget. */
  readonly nanos: bigint;
  readonly charges: readonly Charge[];
  /** What a usage event needs if this process ends before the attempt does. */
  readonly about: unknown;
}

export type JournalRecord =
  | { readonly kind: "slice"; readonly slice: Slice }
  | { readonly kind: "reserve"; readonly reservation: Reservation }
  /** The usage event of this sequence number is part of the same write. */
  | {
      readonly kind: "settle";
      readonly id: string;
      readonly seq: number;
      readonly charges: readonly Charge[];
      /** What the provider billed beyond the reservation. */
      readonly overrun: bigint;
    }
  | { readonly kind: "shrink"; readonly slice: string; readonly amount: bigint }
  | { readonly kind: "drop"; readonly slice: string };

export class Held {
  readonly slices = new Map<string, HeldSlice>();
  readonly reservations = new Map<string, Reservation>();
  /** Slices by budget, latest window first, then as they came. */
  readonly byBudget = new Map<string, HeldSlice[]>();

  /** Throws on a record that does not fit what is held: the journal would be wrong, and nothing may be spent by it. */
  apply(record: JournalRecord): void {
    switch (record.kind) {
      case "slice":
        return this.#take(record.slice);
      case "reserve":
        return this.#reserve(record.reservation);
      case "settle":
        return this.#settle(record.id, record.seq, record.charges);
      case "shrink": {
        const one = this.#get(record.slice);
        one.amount = record.amount;
        return verify(one);
      }
      case "drop": {
        const { slice } = this.#get(record.slice);
        this.slices.delete(slice.id);
        const rest = (this.byBudget.get(slice.budget) ?? []).filter((one) => one.slice.id !== slice.id);
        if (rest.length === 0) this.byBudget.delete(slice.budget);
        else this.byBudget.set(slice.budget, rest);
        return;
      }
    }
  }

  #take(slice: Slice): void {
    const one: HeldSlice = { slice, amount: slice.amount, spent: 0n, reserved: 0n, lastSeq: 0 };
    this.slices.set(slice.id, one);
    const held = [...(this.byBudget.get(slice.budget) ?? []), one];
    held.sort((a, b) => b.slice.startMs - a.slice.startMs);
    this.byBudget.set(slice.budget, held);
  }

  #reserve(reservation: Reservation): void {
    if (this.reservations.has(reservation.id)) throw new Error(`${reservation.id} is reserved twice`);
    for (const { slice, n } of reservation.charges) {
      const one = this.#get(slice);
      one.reserved += n;
      verify(one);
    }
    this.reservations.set(reservation.id, reservation);
  }

  #settle(id: string, seq: number, charges: readonly Charge[]): void {
    const reservation = this.reservations.get(id);
    if (reservation === undefined) throw new Error(`${id} is settled and not reserved`);
    this.reservations.delete(id);
    for (const { slice, n } of reservation.charges) this.#get(slice).reserved -= n;
    for (const { slice, n } of charges) {
      const one = this.#get(slice);
      one.spent += n;
      one.lastSeq = Math.max(one.lastSeq, seq);
      verify(one);
    }
  }

  #get(id: string): HeldSlice {
    const one = this.slices.get(id);
    if (one === undefined) throw new Error(`slice ${id} is not held`);
    return one;
  }
}

function verify({ slice, amount, spent, reserved }: HeldSlice): void {
  if (spent < 0n || reserved < 0n || spent + reserved > amount) {
    throw new Error(`slice ${slice.id}: ${spent} spent and ${reserved} reserved of ${amount}`);
  }
}

/** What may still be reserved of it. */
export function available(one: HeldSlice): bigint {
  return one.amount - one.spent - one.reserved;
}

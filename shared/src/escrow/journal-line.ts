/** One record of a replica's journal as a line of text. JSON has no integers of that size, so money is decimal text. */
import type { JournalRecord, Reservation } from "./held.ts";
import type { Charge, Slice } from "./slice.ts";

/** The line of a record; `about` has to be JSON. */
export function lineOf(record: JournalRecord): string {
  return JSON.stringify(record, (_, value) => (typeof value === "bigint" ? value.toString() : value));
}

/** The record of a line that `lineOf` made; throws on anything else. */
export function recordOf(line: string): JournalRecord {
  const raw = JSON.parse(line) as Raw;
  switch (raw.kind) {
    case "slice":
      return { kind: "slice", slice: { ...raw.slice, amount: BigInt(raw.slice.amount) } };
    case "reserve": {
      const { id, nanos, charges, about } = raw.reservation;
      return {
        kind: "reserve",
        reservation: { id, nanos: BigInt(nanos), charges: chargesOf(charges), about },
      };
    }
    case "settle": {
      const { id, seq, charges, overrun } = raw;
      return { kind: "settle", id, seq, charges: chargesOf(charges), overrun: BigInt(overrun) };
    }
    case "shrink":
      return { kind: "shrink", slice: raw.slice, amount: BigInt(raw.amount) };
    case "drop":
      return { kind: "drop", slice: raw.slice };
    default:
      throw new Error("a line of the journal says nothing that is known");
  }
}

function chargesOf(raw: readonly RawCharge[]): Charge[] {
  return raw.map(({ slice, n }) => ({ slice, n: BigInt(n) }));
}

type RawCharge = Omit<Charge, "n"> & { n: string };
type Raw =
  | { kind: "slice"; slice: Omit<Slice, "amount"> & { amount: string } }
  | {
      kind: "reserve";
      reservation: Omit<Reservation, "nanos" | "charges"> & { nanos: string; charges: RawCharge[] };
    }
  | { kind: "settle"; id: string; seq: number; charges: RawCharge[]; overrun: string }
  | { kind: "shrink"; slice: string; amount: string }
  | { kind: "drop"; slice: string };

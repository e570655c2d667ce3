import { expect, test } from "vitest";
import type { JournalRecord } from "./held.ts";
import { lineOf, recordOf } from "./journal-line.ts";

const BIG = 90_071_992_547_409_931n;
const names = { id: "s", req: "q", budget: "b", replica: "r", boot: "1.a", startMs: 0, endMs: null };
const records: JournalRecord[] = [
  { kind: "slice", slice: { ...names, amount: BIG, jws: "a.b.c" } },
  {
    kind: "reserve",
    reservation: { id: "a", nanos: BIG, charges: [{ slice: "s", n: BIG }], about: { model: "7n", atMs: 5 } },
  },
  { kind: "settle", id: "a", seq: 4, charges: [{ slice: "s", n: 0n }], overrun: BIG },
  { kind: "shrink", slice: "s", amount: BIG },
  { kind: "drop", slice: "s" },
];

test.each(records)("a line is its record again, to the last nano-dollar: $kind", (record) => {
  expect(recordOf(lineOf(record))).toEqual(record);
});

test("a line that is cut, or of another kind, is not taken for a record", () => {
  for (const line of ['{"kind":"shrink","slice":"s"', '{"kind":"grow","slice":"s"}', "null"])
    expect(() => recordOf(line)).toThrow();
});

import { expect, test } from "vitest";
import { holdRows } from "./held.ts";

const keyOf = (row: { id: string }) => row.id;
const rows = (ids: string, v = 0) => [...ids].map((id) => ({ id, v }));

test("what comes in above waits and is counted; rows that are shown are the newest of themselves", () => {
  const held = holdRows(rows("cba"), rows("edcb", 1), keyOf);
  expect(held.fresh).toBe(2);
  // a was pushed off the page by what waits, so it stays.
  expect(held.rows.map(({ id, v }) => `${id}${v}`)).toEqual(["c1", "b1", "a0"]);
});

test("what was deleted goes at once, also while others wait", () => {
  expect(holdRows(rows("cba"), rows("dca"), keyOf).rows.map(keyOf)).toEqual(["c", "a"]);
});

test("where nothing is new nothing is held", () => {
  const now = rows("ba", 1);
  expect(holdRows(rows("cba"), now, keyOf)).toEqual({ rows: now, fresh: 0 });
});

import { expect, test } from "vitest";
import { holds } from "./fleet.ts";

test("a table holds a change when it stands at its revision or later, or in a later epoch", () => {
  expect(holds("1.10", "1.9")).toBe(true);
  expect(holds("1.9", "1.10")).toBe(false);
  expect(holds("2.1", "1.10")).toBe(true);
  expect(holds("1.10", "2.1")).toBe(false);
  expect(holds(null, "1.1")).toBe(false);
});

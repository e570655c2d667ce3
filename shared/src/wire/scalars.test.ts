import { expect, test } from "vitest";
import { TimeMs } from "./scalars.ts";

test("every instant that is taken from the wire is one that a date can be", () => {
  const latest = TimeMs.parse(8.64e15);
  expect(new Date(latest).toISOString()).toBe("+275760-09-13T00:00:00.000Z");
  for (const ms of [8.64e15 + 1, 9e15, Number.MAX_SAFE_INTEGER]) {
    expect(TimeMs.safeParse(ms).success).toBe(false);
  }
});

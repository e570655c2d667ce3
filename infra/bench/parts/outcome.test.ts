import { afterEach, expect, test, vi } from "vitest";
import { outcomesOf, verdictOf } from "./outcome.ts";
import { type Goal, judge } from "./verdict.ts";

afterEach(() => {
  process.exitCode = undefined;
});

const goals: Goal[] = [
  { what: "gateway ÷ nginx", value: 0.3456, unit: "", is: "≥", toReach: 0.25, stretch: 0.45 },
  { what: "admit: 1000000 keys ÷ 1000 keys", value: 1.04, unit: "", is: "≤", toReach: 1.5, stretch: 1.1 },
  { what: "added time to first byte, p50", value: 0.9, unit: " ms", is: "≤", toReach: 0.8, stretch: 0.3 },
  { what: "usage events per second", value: 12_345, unit: "/s", is: "≥", toReach: 5_000 },
];

test("what a benchmark prints of its goals is read back: figure, what was asked, verdict", () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  judge(goals);
  log.mockRestore();
  const outcomes = outcomesOf(lines.join("\n"));
  expect(outcomes.map(({ what, is, toReach, stretch }) => ({ what, is, toReach, stretch }))).toEqual(
    goals.map(({ what, is, toReach, stretch }) => ({ what, is, toReach, stretch })),
  );
  expect(outcomes.map(({ value }) => value)).toEqual([0.346, 1.04, 0.9, 12_300]);
  expect(outcomes.map(({ unit }) => unit)).toEqual(["", "", "ms", "/s"]);
  expect(outcomes.map(verdictOf)).toEqual(["reached", "stretch", "not reached", "reached"]);
});

test("other lines are nobody's goal", () => {
  expect(outcomesOf("nginx   51000   19\n2 cores to reach everything\n")).toEqual([]);
});

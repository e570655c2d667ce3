import { expect, test } from "vitest";
import { forecastOf, windowOf } from "./forecast.ts";

const day = 86_400_000;
const at = (iso: string) => Date.parse(iso);

test("a period is the one in force, a month as long as it is", () => {
  const now = at("2026-11-21T12:00:00Z");
  const month = windowOf("monthly", "2026-12-01T00:00:00Z", "2026-01-01T00:00:00Z", now);
  expect([month.fromMs, month.toMs, month.stepMs]).toEqual([at("2026-11-01"), at("2026-12-01"), day]);
  const today = windowOf("daily", "2026-11-22T00:00:00Z", "2026-01-01T00:00:00Z", now);
  expect([today.fromMs, today.stepMs]).toEqual([at("2026-11-21"), day / 24]);
  expect(windowOf("total", null, "2026-11-20T08:00:00Z", now).fromMs).toBe(at("2026-11-20"));
});

test("a forecast goes on at the pace so far, and ends at the cap at the moment it says", () => {
  const window = { fromMs: 0, toMs: 10 * day, stepMs: day };
  const slow = forecastOf(window, [10, 10], 1_000, 2 * day - 1);
  expect(slow.spent.slice(0, 2)).toEqual([10, 20]);
  expect(slow.spent.slice(2).every(Number.isNaN)).toBe(true);
  expect(Math.round(slow.ahead.at(-1) ?? 0)).toBe(100);
  expect(slow.reachedAtMs).toBeNull();
  const fast = forecastOf(window, [10, 10], 50, 2 * day - 1);
  expect(fast.ahead.at(-1)).toBe(50);
  expect(Math.round((fast.reachedAtMs ?? 0) / day)).toBe(5);
  expect(Math.max(...fast.ahead.filter(Number.isFinite))).toBe(50);
});

test("where nothing was spent nothing is foretold, and what is over its cap is at it now", () => {
  const window = { fromMs: 0, toMs: 10 * day, stepMs: day };
  expect(forecastOf(window, [], 50, day).reachedAtMs).toBeNull();
  expect(forecastOf(window, [60], 50, day / 2).reachedAtMs).toBe(day / 2);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { issuesAheadFromMs, type Period, windowAfter, windowOf } from "./period.ts";

const periods = fc.constantFrom<Period>("daily", "weekly", "monthly");
/** 1970 to 2199. */
const instants = fc.integer({ min: 0, max: 7_258_118_400_000 });
const at = (text: string) => Date.parse(text);

test("each instant is in exactly one window, and windows follow each other without a gap", () => {
  fc.assert(
    fc.property(periods, instants, (period, atMs) => {
      const window = windowOf(period, atMs);
      const endMs = window.endMs as number;
      expect(window.startMs <= atMs && atMs < endMs).toBe(true);
      expect(windowOf(period, window.startMs)).toEqual(window);
      expect(windowOf(period, endMs - 1)).toEqual(window);
      expect(windowAfter(period, window)?.startMs).toBe(endMs);
      expect(windowOf(period, window.startMs - 1).endMs).toBe(window.startMs);
    }),
  );
});

test("days have 24 hours whatever the clocks of a country do, weeks start on Monday, months on the first", () => {
  fc.assert(
    fc.property(instants, (atMs) => {
      const day = windowOf("daily", atMs);
      expect((day.endMs as number) - day.startMs).toBe(86_400_000);
      expect(new Date(day.startMs).toISOString().slice(11)).toBe("00:00:00.000Z");
      const week = windowOf("weekly", atMs);
      expect(new Date(week.startMs).getUTCDay()).toBe(1);
      expect((week.endMs as number) - week.startMs).toBe(604_800_000);
      expect(new Date(windowOf("monthly", atMs).startMs).getUTCDate()).toBe(1);
    }),
  );
});

test("leap years, the turn of a year and the change to summer time, by hand", () => {
  expect(windowOf("monthly", at("2028-02-29T23:59:59.999Z"))).toEqual({
    startMs: at("2028-02-01T00:00:00Z"),
    endMs: at("2028-03-01T00:00:00Z"),
  });
  expect(windowOf("monthly", at("2026-12-31T12:00:00Z")).endMs).toBe(at("2027-01-01T00:00:00Z"));
  expect(windowOf("weekly", at("2027-01-01T00:00:00Z")).startMs).toBe(at("2026-12-28T00:00:00Z"));
  expect(windowOf("daily", at("2026-03-29T01:30:00Z"))).toEqual({
    startMs: at("2026-03-29T00:00:00Z"),
    endMs: at("2026-03-30T00:00:00Z"),
  });
});

test("total has one window for ever", () => {
  expect(windowOf("total", 0)).toEqual(windowOf("total", at("2199-01-01T00:00:00Z")));
  expect(windowAfter("total", windowOf("total", 5))).toBeNull();
  expect(issuesAheadFromMs(windowOf("total", 5))).toBeNull();
});

test("the next window is prepared for in the last tenth, an hour at most", () => {
  expect(issuesAheadFromMs({ startMs: 0, endMs: 1_000 })).toBe(900);
  expect(issuesAheadFromMs(windowOf("daily", 0))).toBe(82_800_000);
});

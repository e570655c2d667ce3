import { expect, test } from "vitest";
import { linesOf, namedPlaces } from "./scale.ts";
import { restOf, valuesOf } from "./series.ts";

test("every interval has its value, and one without a row has none", () => {
  const rows = [{ at: "2026-11-20T00:00:00.000Z", n: 7 }];
  const buckets = [Date.UTC(2026, 10, 19), Date.UTC(2026, 10, 20)];
  expect(valuesOf(rows, buckets, ({ n }) => n, 0)).toEqual([0, 7]);
});

test("the largest and the rest are all there is, to the last nano-dollar", () => {
  const [parts, other] = [
    [
      [1, 9e12, 3],
      [4, 1, 8_999_999_999_999],
    ],
    [5, 0, 1],
  ];
  const series = parts.map((values, n) => ({ id: `${n}`, label: "", color: "", values }));
  const all = other.map((value, n) => parts.reduce((sum, each) => sum + (each[n] ?? 0), value));
  expect(restOf(all, series)).toEqual(other);
  expect(restOf([1], [{ id: "a", label: "", color: "", values: [2] }])).toEqual([0]);
});

test("an axis ends at or above its largest value, on a round number, with at most four lines", () => {
  for (let power = -3; power <= 15; power += 0.037) {
    for (const whole of [true, false]) {
      const max = 10 ** power;
      const lines = linesOf(max, whole);
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.length).toBeLessThanOrEqual(4);
      expect((lines.at(-1) ?? 0) * (1 + 1e-6)).toBeGreaterThanOrEqual(max);
      if (whole) for (const line of lines) expect(Number.isInteger(line)).toBe(true);
    }
  }
  expect(linesOf(0, true)).toEqual([1]);
  expect(linesOf(885.99, false)).toEqual([250, 500, 750, 1_000]);
});

test("names below an axis stand at even distances and never more than there is room for", () => {
  for (let length = 1; length <= 200; length++) {
    for (let most = 2; most <= 8; most++) {
      const places = namedPlaces(length, most);
      expect(places[0]).toBe(0);
      expect(places.length).toBeLessThanOrEqual(most);
    }
  }
});

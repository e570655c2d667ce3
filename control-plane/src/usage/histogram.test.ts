import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketOf, percentileOf } from "./histogram.ts";

test("a percentile of merged histograms is within 5 % and a tenth of a millisecond of the true one", () => {
  const durations = fc.array(fc.double({ min: 0.7, max: 3_600_000, noNaN: true }), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(durations, durations, fc.constantFrom(0.5, 0.95), (one, other, share) => {
      const counts = new Map<number, number>();
      for (const ms of [...one, ...other]) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1);
      const sorted = [...one, ...other].sort((a, b) => a - b);
      const exact = Math.max(1, sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN);
      expect(Math.abs((percentileOf(counts, share) ?? Number.NaN) - exact)).toBeLessThanOrEqual(
        exact * 0.05 + 0.1,
      );
    }),
  );
  expect(percentileOf(new Map(), 0.5)).toBeNull();
});

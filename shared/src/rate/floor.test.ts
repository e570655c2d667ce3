import { expect, test } from "vitest";
import { emptyBucket, take } from "./bucket.ts";
import { floorOf, floorPermitsOf } from "./limit.ts";

/** How many requests a replica without a share admits within ten minutes, one of `replicas` with equal parts. */
function admitted(perMinute: number, replicas: number): number {
  const bucket = emptyBucket(floorOf(perMinute, 1 / replicas), 0);
  let sum = 0;
  for (let nowMs = 0; nowMs <= 600_000; nowMs += 1_000) if (take(bucket, 1, false, nowMs, nowMs) === 0) sum++;
  return sum;
}

test("of its floor alone a replica admits nothing where the limit is below about 120 per minute for each replica, and something above", () => {
  for (const replicas of [1, 2, 4]) {
    for (const perMinute of [1, 60, 120 * replicas - 6]) expect(admitted(perMinute, replicas)).toBe(0);
    expect(admitted(120 * replicas, replicas)).toBeGreaterThan(30);
    expect(floorPermitsOf(19 * replicas, 1 / replicas)).toBe(0);
    expect(floorPermitsOf(20 * replicas, 1 / replicas)).toBe(1);
  }
});

/**
 * Durations that can be added up: counts in buckets whose bounds grow by a tenth, from 1 ms on. A percentile read from them
 * is within 5 % of the true one, however many histograms were merged. Stored sparsely: one integer per bucket that is not
 * empty, `bucket · 2⁴⁰ + count`.
 */
const GROWTH = 1.1;
const COUNT_BITS = 40n;

/** The bucket of a duration; 0 holds everything up to 1 ms. A day and above share the last one. */
export function bucketOf(ms: number): number {
  if (!(ms > 1)) return 0;
  return Math.ceil(Math.log(Math.min(ms, 86_400_000)) / Math.log(GROWTH));
}

/** Milliseconds that stand for a bucket: at most 5 % from everything in it. */
export function msOf(bucket: number): number {
  return bucket === 0 ? 1 : Math.round(10 * GROWTH ** (bucket - 0.5)) / 10;
}

/** The stored form of these counts by bucket. */
export function packed(counts: ReadonlyMap<number, number>): string[] {
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([bucket, count]) => ((BigInt(bucket) << COUNT_BITS) + BigInt(count)).toString());
}

/** The duration below which that share of all counts lies (nearest rank), in milliseconds; null of nothing. */
export function percentileOf(counts: ReadonlyMap<number, number>, share: number): number | null {
  const sorted = [...counts].sort(([a], [b]) => a - b);
  const rank = Math.ceil(share * sorted.reduce((sum, [, count]) => sum + count, 0));
  let seen = 0;
  for (const [bucket, count] of sorted) {
    seen += count;
    if (count > 0 && seen >= rank) return msOf(bucket);
  }
  return null;
}

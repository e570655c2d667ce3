/** A histogram of seconds as Prometheus counts them; one observation costs a look along its bounds. */
export interface Histogram {
  /** Upper bounds in seconds, ascending. */
  readonly bounds: readonly number[];
  /** Observations per bound, and those above the last. Not cumulative. */
  readonly counts: number[];
  sumSeconds: number;
}

export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: new Array<number>(bounds.length + 1).fill(0), sumSeconds: 0 };
}

export function observe(histogram: Histogram, seconds: number): void {
  const { bounds, counts } = histogram;
  let at = 0;
  while (at < bounds.length && seconds > (bounds[at] as number)) at++;
  counts[at] = (counts[at] as number) + 1;
  histogram.sumSeconds += seconds;
}

/** Bounds of `gen_ai.server.request.duration` and `gen_ai.server.time_to_first_token` (GenAI semantic conventions). */
export const DURATION_BOUNDS = [
  ...[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
] as const;
export const FIRST_TOKEN_BOUNDS = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
] as const;

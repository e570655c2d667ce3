/** Order statistics of measured milliseconds, as the proofs print them. */
export interface Figures {
  readonly count: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

function atRank(sorted: readonly number[], rank: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(rank * sorted.length) - 1))] ?? Number.NaN;
}

/** Median, 95th percentile (nearest rank) and maximum. */
export function figuresOf(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    medianMs: atRank(sorted, 0.5),
    p95Ms: atRank(sorted, 0.95),
    maxMs: atRank(sorted, 1),
  };
}

/** One line for a terminal. */
export function printFigures(what: string, figures: Figures): string {
  const { count, medianMs, p95Ms, maxMs } = figures;
  return `${what}: ${count} × median ${medianMs.toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms, max ${maxMs.toFixed(1)} ms`;
}

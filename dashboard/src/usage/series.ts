/** From rows by time to what a chart draws: one value per interval, the smaller groups together. */
import type { UsageView } from "@claviger/shared/api/usage";

export interface Series {
  readonly id: string;
  readonly label: string;
  /** A custom property of the theme. */
  readonly color: string;
  /** One per interval. */
  readonly values: readonly number[];
}

/** In this order neighbours differ for every eye. */
const COLORS = [1, 4, 2, 3, 5].map((n) => `var(--color-chart-${n})`);
export const REST_COLOR = "var(--color-chart-6)";
export const TOP = COLORS.length;

export function colorOf(place: number): string {
  return COLORS[place] ?? REST_COLOR;
}

type Row = Pick<UsageView, "at">;

/** One value per interval; an interval without a row has none. */
export function valuesOf<R extends Row, V>(
  rows: readonly R[],
  buckets: readonly number[],
  of: (row: R) => V,
  none: V,
): V[] {
  const byTime = new Map(rows.map((row) => [Date.parse(row.at ?? ""), row]));
  return buckets.map((atMs) => {
    const row = byTime.get(atMs);
    return row === undefined ? none : of(row);
  });
}

/** What is left of all when these are taken away. Read at different moments, never below nothing. */
export function restOf(all: readonly number[], parts: readonly Series[]): number[] {
  return all.map((sum, n) =>
    Math.max(
      0,
      parts.reduce((left, { values }) => left - (values[n] ?? 0), sum),
    ),
  );
}

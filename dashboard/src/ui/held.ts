/** Rows that stand still: what comes in above somebody who reads further down waits until they ask for it. */

export interface Held<Row> {
  readonly rows: readonly Row[];
  /** Rows that wait. */
  readonly fresh: number;
}

/**
 * What to show of `now` to somebody who reads `before`, without moving anything: the same rows as they are now. What was
 * pushed off the end of the page by newer rows stays; what is gone from the middle goes.
 */
export function holdRows<Row>(
  before: readonly Row[],
  now: readonly Row[],
  keyOf: (row: Row) => string,
): Held<Row> {
  const present = new Map(now.map((row) => [keyOf(row), row]));
  const known = new Set(before.map(keyOf));
  const fresh = now.filter((row) => !known.has(keyOf(row))).length;
  if (fresh === 0) return { rows: now, fresh: 0 };
  const last = before.findLastIndex((row) => present.has(keyOf(row)));
  const rows = before.flatMap((row, n) => present.get(keyOf(row)) ?? (n > last ? [row] : []));
  return { rows, fresh };
}

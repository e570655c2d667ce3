/** What a benchmark prints, and whether it reached what PERFORMANCE asks for. */

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export interface Goal {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** `atLeast` or `atMost` this. */
  readonly is: "≥" | "≤";
  readonly toReach: number;
  readonly stretch?: number;
}

/** Prints each goal with its verdict; the exit code becomes 1 when one was not reached. */
export function judge(goals: readonly Goal[]): void {
  for (const { what, value, unit, is, toReach, stretch } of goals) {
    const holds = (limit = Number.NaN) => (is === "≥" ? value >= limit : value <= limit);
    const verdict = holds(stretch) ? "stretch reached" : holds(toReach) ? "reached" : "NOT REACHED";
    const further = stretch === undefined ? "" : `, stretch ${is} ${stretch}${unit}`;
    const asked = `to reach ${is} ${toReach}${unit}${further}`;
    console.log(`${what.padEnd(44)} ${value.toPrecision(3)}${unit}   ${asked}: ${verdict}`);
    if (!holds(toReach)) process.exitCode = 1;
  }
}

/** Aligned columns, the first of them text. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(cells.join("   "));
  }
}

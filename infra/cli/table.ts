/** Rows for people: aligned columns, two blanks apart. */

export type Cell = string | number | null | undefined;

/** The lines of a table; numbers stand to the right. An empty one says so. */
export function tableOf(heads: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  if (rows.length === 0) return ["(none)"];
  const texts = rows.map((row) => row.map(textOf));
  const widths = heads.map((head, i) => Math.max(head.length, ...texts.map((row) => (row[i] ?? "").length)));
  const right = heads.map((_, i) => rows.every((row) => typeof row[i] === "number" || row[i] === null));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(heads.map((head) => head.toUpperCase())), ...texts.map(line)];
}

/** `name  value` for each, names aligned. */
export function pairsOf(pairs: readonly (readonly [string, Cell])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${textOf(value)}`);
}

function textOf(cell: Cell): string {
  if (cell === null || cell === undefined || cell === "") return "–";
  return String(cell);
}

/** `2026-11-20 12:00` in UTC, of an ISO 8601 instant. */
export function timeOf(instant: unknown): string | null {
  return typeof instant === "string" ? instant.slice(0, 16).replace("T", " ") : null;
}

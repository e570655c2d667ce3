/** Two texts line by line: what stayed, what is gone, what came. */

export interface DiffLine {
  readonly kind: "same" | "gone" | "came";
  readonly text: string;
}

/** More lines than that are shown as all gone and all new: nobody compares them by eye. */
const LINES_MAX = 1_000;

/** The longest common run of lines stays; what is gone stands before what came in its place. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  if (a.length > LINES_MAX || b.length > LINES_MAX) {
    return [
      ...a.map((text) => ({ kind: "gone" as const, text })),
      ...b.map((text) => ({ kind: "came" as const, text })),
    ];
  }
  const longest = commonLengths(a, b);
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const [gone, came] = [a[i], b[j]];
    if (gone !== undefined && gone === came) {
      lines.push({ kind: "same", text: gone });
      i++;
      j++;
    } else if (gone !== undefined && at(longest, i + 1, j) >= at(longest, i, j + 1)) {
      lines.push({ kind: "gone", text: gone });
      i++;
    } else if (came !== undefined) {
      lines.push({ kind: "came", text: came });
      j++;
    } else {
      lines.push({ kind: "gone", text: gone ?? "" });
      i++;
    }
  }
  return lines;
}

/** By position in both: how many lines the two have in common from there on. */
function commonLengths(a: readonly string[], b: readonly string[]): number[][] {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    const row = table[i] ?? [];
    for (let j = b.length - 1; j >= 0; j--) {
      row[j] =
        a[i] === b[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
    }
  }
  return table;
}

function at(table: readonly (readonly number[])[], i: number, j: number): number {
  return table[i]?.[j] ?? -1;
}

/** JSON with its members in the order of their names, so that only what it says can differ. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, sortMembers, 2);
}

function sortMembers(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

import { resolve } from "../resolve.ts";
import type { Source, Violation } from "../source.ts";

type Edge = { to: string; line: number };

/**
 * No file may need itself, through others, in order to load: then what it sees of them would depend on who came first.
 * Imports of types are erased and `import()` waits, so neither counts. Each knot is reported once, at its first file.
 */
export function checkCycles(sources: readonly Source[]): Violation[] {
  const graph = new Map(sources.map((source) => [source.path, edgesOf(source)]));
  return knots(graph).map((knot) => {
    const cycle = shortestCycle(knot, graph);
    const line = graph.get(cycle[0] ?? "")?.find((edge) => edge.to === cycle[1])?.line ?? 1;
    return { path: cycle[0] ?? "", line, rule: "cycle", message: cycle.join(" → ") };
  });
}

function edgesOf(source: Source): Edge[] {
  return source.imports.flatMap((each) => {
    const target = resolve(source.path, each.specifier);
    return each.typeOnly || each.dynamic || !("file" in target) ? [] : [{ to: target.file, line: each.line }];
  });
}

/** Strongly connected files, by Tarjan's algorithm; a single file counts if it imports itself. */
function knots(graph: ReadonlyMap<string, readonly Edge[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    const own = index.size;
    index.set(file, own);
    low.set(file, own);
    stack.push(file);
    for (const { to } of graph.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      const reach = stack.includes(to) ? (low.get(to) ?? own) : own;
      low.set(file, Math.min(low.get(file) ?? own, reach));
    }
    if (low.get(file) !== own) return;
    const knot = stack.splice(stack.indexOf(file));
    const importsItself = graph.get(file)?.some((edge) => edge.to === file) === true;
    if (knot.length > 1 || importsItself) found.push(knot.sort());
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** The shortest way from the knot's first file back to it. */
function shortestCycle(knot: readonly string[], graph: ReadonlyMap<string, readonly Edge[]>): string[] {
  const start = knot[0] ?? "";
  const queue: string[][] = [[start]];
  const seen = new Set<string>();
  for (let way = queue.shift(); way !== undefined; way = queue.shift()) {
    for (const { to } of graph.get(way.at(-1) ?? "") ?? []) {
      if (to === start) return [...way, to];
      if (seen.has(to) || !knot.includes(to)) continue;
      seen.add(to);
      queue.push([...way, to]);
    }
  }
  return [start];
}

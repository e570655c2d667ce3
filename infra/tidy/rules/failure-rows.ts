import { isNode, type Node, nameOf, type Source, stringOf, type Violation, walk } from "../source.ts";

/** The document whose every row is a test. */
export const failureModes = "docs/failure-modes.md";

/** A title may be shortened to its beginning, but not to a word. */
const titleCharsMin = 20;
const proof = /`([^`]+\.test\.tsx?)`\s+“([^”]+)”/g;

/** Each row of its tables ends with the tests that prove it: `path` “title, or its beginning”. All of them must exist and run. */
export function checkFailureRows(text: string, sources: readonly Source[]): Violation[] {
  const violations: Violation[] = [];
  const titles = new Map<string, readonly string[]>();
  const lines = text.split("\n");
  lines.forEach((line, index) => {
    if (!isRow(line) || isRule(line) || isRule(lines[index + 1] ?? "")) return;
    const report = (message: string) =>
      violations.push({ path: failureModes, line: index + 1, rule: "failure-row", message });
    const proofs = [...(cellsOf(line).at(-1) ?? "").matchAll(proof)];
    if (proofs.length === 0) report("the last cell names no test");
    for (const [, path = "", title = ""] of proofs) {
      const source = sources.find((each) => each.path === path);
      if (source === undefined) {
        report(`${path} does not exist`);
        continue;
      }
      const known = titles.get(path) ?? titlesOf(source);
      titles.set(path, known);
      const fits = title.length >= titleCharsMin && known.some((one) => one.startsWith(title));
      if (!fits) report(`${path} has no test that runs and whose title begins with “${title}”`);
    }
  });
  return violations;
}

const isRow = (line: string): boolean => line.startsWith("|");
/** The line between a table's head and its rows. */
const isRule = (line: string): boolean => /^\|[\s:|-]+\|$/.test(line);
const cellsOf = (line: string): string[] => line.replace(/^\||\|\s*$/g, "").split("|");

/** Titles of the tests that a file runs; the parts of a template that are computed stand as nothing. */
function titlesOf(source: Source): string[] {
  const titles: string[] = [];
  walk(source.program, (node) => {
    const title = node.type === "CallExpression" ? textOf((node.arguments as unknown[])[0]) : undefined;
    if (title !== undefined && isTestCall(node)) titles.push(title);
  });
  return titles;
}

function textOf(node: unknown): string | undefined {
  if (!isNode(node) || node.type !== "TemplateLiteral") return stringOf(node);
  const quasis = node.quasis as { value: { cooked: string } }[];
  return quasis.map(({ value }) => value.cooked).join("");
}

/** `test(…)`, `it(…)`, `test.each(…)(…)`, and none that is skipped or put off. */
function isTestCall(node: Node): boolean {
  let callee: unknown = node.callee;
  while (isNode(callee)) {
    if (["skip", "todo", "skipIf", "runIf"].includes(nameOf(callee.property) ?? "")) return false;
    const name = nameOf(callee);
    if (name !== undefined) return name === "test" || name === "it";
    callee = callee.type === "CallExpression" ? callee.callee : callee.object;
  }
  return false;
}

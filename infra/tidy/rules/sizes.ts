import { isNode, isTest, type Node, nameOf, type Source, type Violation, walk } from "../source.ts";

export const fileLinesMax = 300;
export const functionLinesMax = 60;

const functions = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** A file or function that does not fit on a few screens does more than one thing. */
export function checkSizes(source: Source): Violation[] {
  const violations: Violation[] = [];
  const lines = source.text.split("\n").length - (source.text.endsWith("\n") ? 1 : 0);
  if (lines > fileLinesMax) {
    const message = `${lines} lines; a file has at most ${fileLinesMax}`;
    violations.push({ path: source.path, line: fileLinesMax + 1, rule: "file-length", message });
  }
  walk(source.program, (node, around) => {
    if (!functions.has(node.type)) return;
    if (isTest(source.path) && isDescribe(around.at(-1))) return;
    const line = source.lineOf(node.start);
    const length = source.lineOf(node.end) - line + 1;
    if (length <= functionLinesMax) return;
    const message = `${functionName(node, around)} has ${length} lines; a function has at most ${functionLinesMax}`;
    violations.push({ path: source.path, line, rule: "function-length", message });
  });
  return violations;
}

/** `describe(…)`, `describe.each(…)(…)`, `describe.for(…)(…)`: a list of tests, not a function of its own. */
function isDescribe(node: Node | undefined): boolean {
  let callee: unknown = node?.type === "CallExpression" ? node.callee : undefined;
  while (isNode(callee)) {
    if (nameOf(callee) === "describe") return true;
    callee = callee.type === "CallExpression" ? callee.callee : callee.object;
  }
  return false;
}

function functionName(node: Node, around: readonly Node[]): string {
  const parent = around.at(-1);
  return nameOf(node.id) ?? nameOf(parent?.id) ?? nameOf(parent?.key) ?? "this function";
}

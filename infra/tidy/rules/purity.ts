import { isTest, type Node, nameOf, type Source, type Violation, walk } from "../source.ts";

/** Rooms that decide: plain data and `now` in, a tagged value out. */
const pure = /^shared\/src\/(decide|sync|money|escrow|rate)\//;

const ambient = new Set([
  ...[
    "process",
    "console",
    "fetch",
    "crypto",
    "performance",
    "globalThis",
    "self",
    "window",
    "navigator",
    "Buffer",
  ],
  ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "queueMicrotask"],
  ...[
    "WebSocket",
    "Request",
    "Response",
    "Headers",
    "AbortController",
    "TextEncoder",
    "TextDecoder",
    "structuredClone",
  ],
]);

/** No clock, no randomness and no platform name in a pure room; otherwise the same input could decide differently. */
export function checkPurity(source: Source): Violation[] {
  if (!pure.test(source.path) || isTest(source.path)) return [];
  const violations: Violation[] = [];
  const declared = declaredNames(source.program);
  walk(source.program, (node, around) => {
    const what = impurityOf(node) ?? ambientName(node, around.at(-1), declared);
    if (what === undefined) return;
    const message = `${what} in a pure room; take it as an argument`;
    violations.push({ path: source.path, line: source.lineOf(node.start), rule: "purity", message });
  });
  return violations;
}

function impurityOf(node: Node): string | undefined {
  if (node.type === "MemberExpression") {
    const name = `${nameOf(node.object)}.${nameOf(node.property)}`;
    return name === "Date.now" || name === "Math.random" ? name : undefined;
  }
  const isDate = nameOf(node.callee) === "Date";
  if (node.type === "CallExpression" && isDate) return "Date()";
  const withoutArguments = Array.isArray(node.arguments) && node.arguments.length === 0;
  return node.type === "NewExpression" && isDate && withoutArguments ? "new Date()" : undefined;
}

function ambientName(
  node: Node,
  parent: Node | undefined,
  declared: ReadonlySet<string>,
): string | undefined {
  const name = nameOf(node);
  if (name === undefined || !ambient.has(name) || declared.has(name)) return undefined;
  const isMember =
    parent?.type === "MemberExpression" && parent.property === node && parent.computed !== true;
  const isKey = parent !== undefined && keyed.has(parent.type) && parent.key === node;
  const isType = parent?.type.startsWith("TS") === true && !casts.has(parent.type);
  return isMember || isKey || isType ? undefined : name;
}

const casts = new Set(["TSAsExpression", "TSSatisfiesExpression", "TSNonNullExpression"]);
const keyed = new Set(["Property", "PropertyDefinition", "MethodDefinition"]);

/** Names that the file itself binds, in any scope; what hides behind such a name is for the compiler, which has no platform types there. */
function declaredNames(program: Node): Set<string> {
  const names = new Set<string>();
  const bind = (pattern: unknown) => {
    const name = nameOf(pattern);
    if (name !== undefined) names.add(name);
  };
  walk(program, (node, around) => {
    bind(node.type === "VariableDeclarator" || node.type === "FunctionDeclaration" ? node.id : undefined);
    bind(node.local);
    for (const parameter of Array.isArray(node.params) ? node.params : []) bind(parameter);
    const insidePattern = node.type === "Property" && around.at(-1)?.type === "ObjectPattern";
    bind(insidePattern ? node.value : undefined);
  });
  return names;
}

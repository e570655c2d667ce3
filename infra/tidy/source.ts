import { parseSync } from "oxc-parser";

/** A node of the syntax tree (ESTree with TypeScript's own nodes), as far as the rules look at it. */
export type Node = { type: string; start: number; end: number; [field: string]: unknown };

/** One `import`, `export … from`, `import()` or `import("…").Type`, with the specifier as written. */
export type Import = {
  specifier: string;
  line: number;
  /** Erased by type stripping: the module is not loaded for it. */
  typeOnly: boolean;
  /** Loaded when it is reached and not with the module. */
  dynamic: boolean;
};

export type Source = {
  /** Relative to the repository's top, with forward slashes. */
  path: string;
  text: string;
  program: Node;
  comments: readonly { value: string; start: number }[];
  imports: readonly Import[];
  /** The 1-based line of an offset. */
  lineOf: (offset: number) => number;
};

/** A broken rule, at a place. */
export type Violation = { path: string; line: number; rule: string; message: string };

/** Parses a TypeScript or JavaScript file. A syntax error is a violation of the rule `parse`, not an exception. */
export function parse(path: string, text: string): Source | Violation {
  const result = parseSync(path, text);
  const lineOf = lineFinder(text);
  const error = result.errors[0];
  if (error !== undefined) {
    return { path, line: lineOf(error.labels[0]?.start ?? 0), rule: "parse", message: error.message };
  }
  const program = result.program as unknown as Node;
  return { path, text, program, comments: result.comments, imports: importsOf(program, lineOf), lineOf };
}

/** A test file by its name, or what only tests use, by its folder. */
export const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path) || isTestSupport(path);

/** Files below a `testing` folder of a room: builders, rigs, contract suites. Code that ships may not import them. */
export const isTestSupport = (path: string): boolean => /^[^/]+\/src\/.+\/testing\//.test(path);

/** Calls `visit` for every node, outer before inner, with the nodes around it (the nearest last). */
export function walk(node: Node, visit: (node: Node, around: readonly Node[]) => void): void {
  const around: Node[] = [];
  const step = (current: Node) => {
    visit(current, around);
    around.push(current);
    for (const child of childrenOf(current)) step(child);
    around.pop();
  };
  step(node);
}

function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (const value of Object.values(node)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (isNode(each)) children.push(each);
    }
  }
  return children;
}

/** True for a value that is a node of the tree. */
export function isNode(value: unknown): value is Node {
  return (
    typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"
  );
}

/** The text of a string literal, if that is what the node is. */
export function stringOf(node: unknown): string | undefined {
  return isNode(node) && node.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

/** The name of an identifier, if that is what the node is. */
export function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === "Identifier" && typeof node.name === "string" ? node.name : undefined;
}

function importsOf(program: Node, lineOf: (offset: number) => number): Import[] {
  const imports: Import[] = [];
  walk(program, (node) => {
    const kind = kinds[node.type];
    const specifier = stringOf(node.source);
    if (kind === undefined || specifier === undefined) return;
    imports.push({ specifier, line: lineOf(node.start), ...kind(node) });
  });
  return imports;
}

/** The nodes that name a module. `import { type A }` loads the module all the same (verbatimModuleSyntax). */
const kinds: Record<string, (node: Node) => { typeOnly: boolean; dynamic: boolean }> = {
  ImportDeclaration: (node) => ({ typeOnly: node.importKind === "type", dynamic: false }),
  ExportNamedDeclaration: (node) => ({ typeOnly: node.exportKind === "type", dynamic: false }),
  ExportAllDeclaration: (node) => ({ typeOnly: node.exportKind === "type", dynamic: false }),
  ImportExpression: () => ({ typeOnly: false, dynamic: true }),
  TSImportType: () => ({ typeOnly: true, dynamic: false }),
};

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

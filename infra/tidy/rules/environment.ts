import { nameOf, type Source, stringOf, type Violation, walk } from "../source.ts";

/** Where a process begins; `infra` consists of commands. */
const entries = [
  /\/src\/runtime\/[^/]+\/(main|nats-init)\.ts$/,
  /^infra\//,
  /\/vite(st)?(\.[a-z]+)?\.config\.ts$/,
];

/** Settings are read once, where a process begins, and handed down as values. */
export function checkEnvironment(source: Source): Violation[] {
  if (entries.some((entry) => entry.test(source.path))) return [];
  const violations: Violation[] = [];
  const report = (offset: number) =>
    violations.push({
      path: source.path,
      line: source.lineOf(offset),
      rule: "environment",
      message: "only runtime/*/main.ts reads the environment; take a setting instead",
    });
  walk(source.program, (node) => {
    if (
      node.type === "MemberExpression" &&
      nameOf(node.object) === "process" &&
      nameOf(node.property) === "env"
    ) {
      report(node.start);
    }
    const isProcess = ["node:process", "process"].includes(stringOf(node.source) ?? "");
    const specifiers = node.type === "ImportDeclaration" && isProcess ? node.specifiers : [];
    for (const specifier of Array.isArray(specifiers) ? specifiers : []) {
      if (nameOf(specifier.imported) === "env") report(node.start);
    }
  });
  return violations;
}

import { isTest, type Source, type Violation, walk } from "../source.ts";

const comments = [
  {
    pattern: /@ts-(ignore|nocheck)/,
    rule: "ts-ignore",
    message: "say what the type is instead of silencing the compiler",
  },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, rule: "todo", message: "do it, or say in docs/decisions why not" },
];

/** What silences the compiler, and what puts work off. */
export function checkEscapes(source: Source): Violation[] {
  const violations: Violation[] = [];
  const report = (offset: number, rule: string, message: string) =>
    violations.push({ path: source.path, line: source.lineOf(offset), rule, message });

  walk(source.program, (node) => {
    if (node.type === "TSAnyKeyword")
      report(node.start, "no-any", "name the type, or take `unknown` and parse it");
  });
  for (const comment of source.comments) {
    for (const { pattern, rule, message } of comments) {
      if (pattern.test(comment.value)) report(comment.start, rule, message);
    }
    // In a test it is a proof that something does not compile.
    if (/@ts-expect-error/.test(comment.value) && !isTest(source.path)) {
      report(comment.start, "ts-ignore", "@ts-expect-error belongs in tests, where it proves something");
    }
  }
  return violations;
}

/**
 * docs/proof.md: which tests name an invariant, and which mutants it kills. Made from the sources alone, so that it can be
 * compared with what lies there.
 */

import { isNode, type Node, nameOf, type Source, stringOf, walk } from "../tidy/source.ts";
import { furtherMutants, type Row } from "./rows.ts";

/** What is known of one mutant without running it. */
export interface KnownMutant {
  readonly name: string;
  readonly rule: string;
  /** Its recorded killers, in words. */
  readonly killers: string;
}

export interface Named {
  readonly path: string;
  readonly title: string;
}

const INVARIANT = /\bI([1-9]|1\d|2[0-6])\b/g;
const isTestFile = (path: string): boolean => /\.(test|e2e\.test)\.tsx?$/.test(path);

/** Every test by the invariants that its title, or that of a `describe` around it, names. */
export function testsByInvariant(sources: readonly Source[]): ReadonlyMap<string, readonly Named[]> {
  const found = new Map<string, Named[]>();
  for (const source of sources.filter(({ path }) => isTestFile(path))) {
    walk(source.program, (node, around) => {
      if (callName(node) !== "test" && callName(node) !== "it") return;
      const own = titleOf(node);
      if (own === undefined) return;
      const outer = around.filter((each) => callName(each) === "describe").map((each) => titleOf(each) ?? "");
      const title = [...outer, own].join(" › ");
      for (const [invariant] of new Set([...title.matchAll(INVARIANT)].map(([each]) => [each] as const)))
        found.set(invariant, [...(found.get(invariant) ?? []), { path: source.path, title }]);
    });
  }
  return found;
}

/** The whole page. */
export function proofPage(
  rows: readonly Row[],
  tests: ReadonlyMap<string, readonly Named[]>,
  mutants: readonly KnownMutant[],
): string {
  const known = new Map(mutants.map((one) => [one.name, one]));
  const line = (name: string) => {
    const one = known.get(name);
    return `- **${name}**: ${one?.rule ?? "unknown"}. Noticed by ${one?.killers ?? "nobody"}.`;
  };
  const parts = rows.map(({ invariant, says, mutants: names, note }) => {
    const proofs = (tests.get(invariant) ?? []).map(({ path, title }) => `- \`${path}\` “${title}”`);
    return [
      `## ${invariant}: ${says}`,
      `Tests that name it:\n\n${proofs.sort().join("\n")}`,
      names.length > 0 ? `Mutants that it kills:\n\n${names.map(line).join("\n")}` : "No mutant of its own.",
      ...(note === undefined ? [] : [`Note: ${note}.`]),
    ].join("\n\n");
  });
  const further = `## Rules that no invariant of the protocol lists\n\n${furtherMutants.map(line).join("\n")}`;
  return `${HEAD}\n\n${[...parts, further].join("\n\n")}\n`;
}

const HEAD = `# What is proved, and by what

Written by \`infra/mutants/proof.ts\`; \`npm run verify\` fails when it is not what the sources say, or when an invariant has no
test that names it. The invariants are those of [protocol.md](protocol.md). A mutant is one rule taken out of the real source by a replacement of
text that exists only while tests run; \`npm run mutants\` takes out every one of them and fails if one is not noticed by each of its recorded
seeds or tests. \`npm run sim\` runs fresh histories of the same simulator on the sources as they are.`;

function titleOf(node: Node): string | undefined {
  const first = (node.arguments as unknown[])[0];
  if (!isNode(first) || first.type !== "TemplateLiteral") return stringOf(first);
  const quasis = first.quasis as { value: { cooked: string } }[];
  return quasis.map(({ value }) => value.cooked).join("…");
}

/** `test`, `it` or `describe` of such a call, `.each(…)` included; undefined for what does not run. */
function callName(node: Node): string | undefined {
  if (node.type !== "CallExpression") return undefined;
  let callee: unknown = node.callee;
  while (isNode(callee)) {
    if (["skip", "todo", "skipIf", "runIf"].includes(nameOf(callee.property) ?? "")) return undefined;
    const name = nameOf(callee);
    if (name !== undefined) return name;
    callee = callee.type === "CallExpression" ? callee.callee : callee.object;
  }
  return undefined;
}

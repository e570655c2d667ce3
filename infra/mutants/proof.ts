/**
 * `infra/mutants/proof.ts` writes docs/proof.md from the sources; with `--check` (`npm run proof`) it says whether that page is what they say, and
 * whether every invariant has a test that names it (exit 1 if not).
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { pathOf, root } from "../house/root.ts";
import { parse, type Source } from "../tidy/source.ts";
import { knownMutants } from "./known.ts";
import { proofPage, testsByInvariant } from "./proof-page.ts";
import { rows } from "./rows.ts";

const PAGE = "docs/proof.md";

const tests = testsByInvariant(testSources());
const page = proofPage(rows, tests, knownMutants());
const complaints = rows
  .filter(({ invariant }) => !tests.has(invariant))
  .map(({ invariant }) => `no test names ${invariant}`);
if (!process.argv.includes("--check")) writeFileSync(pathOf(PAGE), page);
else if (!existsSync(pathOf(PAGE)) || readFileSync(pathOf(PAGE), "utf8") !== page)
  complaints.push(`${PAGE} is not what the sources say: node infra/mutants/proof.ts writes it anew`);
for (const complaint of complaints) process.stdout.write(`${complaint}\n`);
const named = [...tests.values()].reduce((sum, all) => sum + all.length, 0);
process.stdout.write(`proof: ${rows.length} invariants, ${named} tests, ${complaints.length} complaints\n`);
process.exitCode = complaints.length === 0 ? 0 : 1;

/** Test files that git knows or would add. */
function testSources(): Source[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const output = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return output
    .split("\0")
    .filter((path) => /\.test\.tsx?$/.test(path) && existsSync(pathOf(path)))
    .map((path) => parse(path, readFileSync(pathOf(path), "utf8")))
    .filter((source): source is Source => !("rule" in source));
}

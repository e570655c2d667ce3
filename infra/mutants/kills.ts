/** Which tests notice which mutant: found by `--record`, kept in `kills.json`. */
import { readFileSync, writeFileSync } from "node:fs";
import { runTests } from "./run-tests.ts";
import { type TestedMutant, testedMutants } from "./tested.ts";

const FILE = new URL("kills.json", import.meta.url);
/** More tell nothing, and every one of them is run each time. */
const RECORDED_MAX = 5;

/** Mutant → `path › title`. */
export function readKills(): Record<string, string[]> {
  return JSON.parse(readFileSync(FILE, "utf8")) as Record<string, string[]>;
}

/** Looks for the tests that notice each of these mutants, and writes them down. */
export async function recordKills(names: readonly string[], say: (line: string) => void): Promise<void> {
  const kills = readKills();
  for (const mutant of testedMutants.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const { failed, passed } = await runTests(mutant);
    kills[mutant.name] = chosen(mutant, failed);
    say(`${mutant.name}: ${failed.length} tests notice it, ${passed} do not`);
    for (const test of kills[mutant.name] ?? []) say(`    ${test}`);
    writeFileSync(FILE, `${JSON.stringify(kills, null, 2)}\n`);
  }
}

/** Tests that name an invariant first, so that a reader finds them. */
function chosen(_mutant: TestedMutant, failed: readonly string[]): string[] {
  const named = (test: string) => (/\bI\d+\b/.test(test) ? 0 : 1);
  return [...failed].sort((a, b) => named(a) - named(b) || (a < b ? -1 : 1)).slice(0, RECORDED_MAX);
}

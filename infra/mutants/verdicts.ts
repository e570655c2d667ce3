/** Whether one mutant is killed by what is recorded to kill it. */
import { runHistories } from "../sim/histories.ts";
import type { Mutant } from "../sim/mutants.ts";
import { readSeeds } from "../sim/seeds.ts";
import { readKills } from "./kills.ts";
import { runTests, splitTest } from "./run-tests.ts";
import type { TestedMutant } from "./tested.ts";

/** Fewer killers than this may be there by chance. */
const KILLS_MIN = 3;

export interface Judged {
  readonly name: string;
  readonly rule: string;
  readonly ok: boolean;
  /** What killed it, or what failed to. */
  readonly by: string;
  /** What ran, where that may say why. */
  readonly output?: string;
}

/** Runs its recorded seeds. */
export async function judgeSimulated({ name, rule, variant }: Mutant): Promise<Judged> {
  const seeds = (readSeeds()[name] ?? []).slice(0, KILLS_MIN);
  if (seeds.length < KILLS_MIN)
    return { name, rule, ok: false, by: `only ${seeds.length} seeds are recorded, ${KILLS_MIN} are needed` };
  const { violations } = await runHistories(name, variant, seeds.map(String));
  const killed = new Map(violations.map(({ seed, invariant }) => [seed, invariant]));
  const missing = seeds.filter((seed) => !killed.has(seed));
  if (missing.length > 0)
    return { name, rule, ok: false, by: `seeds ${missing.join(", ")} (${variant}) do not notice it` };
  const invariants = [...new Set(killed.values())].join(", ");
  return {
    name,
    rule,
    ok: true,
    by: `seeds ${seeds.join(", ")} of ${variant}, which see ${invariants} broken`,
  };
}

/** Runs its recorded tests: each of them has to fail. */
export async function judgeTested(mutant: TestedMutant): Promise<Judged> {
  const { name, rule } = mutant;
  const tests = readKills()[name] ?? [];
  if (tests.length < KILLS_MIN)
    return { name, rule, ok: false, by: `only ${tests.length} tests are recorded, ${KILLS_MIN} are needed` };
  const { failed, output } = await runTests(mutant, tests);
  const missing = tests.filter((test) => !failed.includes(test));
  if (missing.length > 0)
    return { name, rule, ok: false, by: `not noticed by ${missing.join("; ")}`, output };
  const files = [...new Set(tests.map((test) => splitTest(test).path))];
  return {
    name,
    rule,
    ok: true,
    by: `${tests.length} tests of ${files.map((file) => `\`${file}\``).join(", ")}`,
  };
}

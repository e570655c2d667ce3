/**
 * `npm run sim`: the real cores in a simulated, hostile world. Every seed is a history; fresh ones are run over all
 * variants. Prints admissions, revokes, forwards and violations, and a verdict; exits 1 when anything is violated. That
 * these histories would notice is what `npm run mutants` proves.
 *
 *   npm run sim                        2 000 seeds that are new with each commit
 *   npm run sim -- --seeds 200000      as many
 *   npm run sim -- --seed 7 base       this one history again
 *   npm run sim -- --seconds-max 170   begins nothing more after that time, and says how many seeds it were
 *   run.ts --record                    looks for seeds that kill each mutant and writes seeds.json
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { type Histories, runHistories } from "./histories.ts";
import { recordSeeds } from "./seeds.ts";
import { type VariantName, variants } from "./variants.ts";

const CHUNK = 25;
/** What is served in each variant, and what an operation is there. */
const WORDS: Readonly<Record<VariantName, readonly [served: string, changed: string]>> = {
  base: ["admissions", "revokes and other changes"],
  clock: ["admissions", "revokes and other changes"],
  damage: ["admissions", "revokes and other changes"],
  loss: ["admissions", "revokes and other changes"],
  money: ["forwards", "slices"],
  rate: ["admissions", "–"],
  permits: ["admissions", "–"],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    record: { type: "boolean", default: false },
    seeds: { type: "string", default: "2000" },
    seed: { type: "string" },
    "seconds-max": { type: "string", default: "Infinity" },
    from: { type: "string" },
  },
});

if (values.record) await recordSeeds(say);
else process.exitCode = await prove();

interface Job {
  readonly variant: string;
  readonly seeds: string;
}

async function prove(): Promise<number> {
  const startedMs = performance.now();
  const first = Number(values.seed ?? values.from ?? seedOfCommit());
  const names = positionals.length === 0 ? [...variants.keys()] : positionals;
  const perVariant = values.seed === undefined ? Math.ceil(Number(values.seeds) / names.length) : 1;
  // By turns, so that a run that is cut short has looked at every variant.
  const parts = Array.from({ length: Math.ceil(perVariant / CHUNK) }, (_, i) => i);
  const jobs = parts.flatMap((i) => names.map((variant) => jobOf(variant, first, perVariant, i)));
  const totals = await runAll(jobs, startedMs);
  say("\n| variant | seeds | served | changed | confirmed | violations |\n|---|---|---|---|---|---|");
  let violations = 0;
  for (const [variant, all] of totals) {
    const [served, changed] = WORDS[variant as VariantName];
    const counts = `${all.admissions} ${served} | ${all.operations} ${changed} | ${all.confirmations}`;
    say(`| ${variant} | ${all.done} | ${counts} | ${all.violations.length} |`);
    violations += all.violations.length;
    for (const one of all.violations)
      say(`FAIL seed ${one.seed} ${variant}: ${one.invariant} at ${one.atMs} ms: ${one.detail}`);
  }
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const ok = [...totals.values()].filter((all) => all.violations.length === 0).length;
  const done = [...totals.values()].reduce((all, one) => all + one.done, 0);
  say(
    `\n${done} of ${perVariant * names.length} seeds from ${first}, ${violations} violations, ${seconds} s`,
  );
  say(violations === 0 ? "verdict: no invariant is broken, and everything heals" : "verdict: broken");
  say(`${ok} passed, ${totals.size - ok} failed`);
  return violations === 0 ? 0 : 1;
}

function jobOf(variant: string, first: number, count: number, part: number): Job {
  const from = first + part * CHUNK;
  return { variant, seeds: `${from}:${Math.min(from + CHUNK, first + count)}` };
}

/** One process per core; what they found, by variant. */
async function runAll(jobs: readonly Job[], startedMs: number): Promise<ReadonlyMap<string, Histories>> {
  const totals = new Map<string, Histories>();
  let next = 0;
  const isLate = () => performance.now() - startedMs > Number(values["seconds-max"]) * 1000;
  const worker = async (): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined && !isLate(); job = jobs[next++]) {
      const found = await runHistories("none", job.variant, [job.seeds]);
      const before = totals.get(job.variant);
      totals.set(job.variant, before === undefined ? found : sum(before, found));
      if (next % 20 === 0)
        say(`${next}/${jobs.length} parts, ${Math.round((performance.now() - startedMs) / 1000)} s`);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker));
  return totals;
}

function sum(a: Histories, b: Histories): Histories {
  return {
    violations: [...a.violations, ...b.violations],
    done: a.done + b.done,
    admissions: a.admissions + b.admissions,
    operations: a.operations + b.operations,
    confirmations: a.confirmations + b.confirmations,
  };
}

/** Fresh with every commit, and the same for everybody who looks at it again. */
function seedOfCommit(): number {
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  return status === 0 ? Number.parseInt(stdout.slice(0, 7), 16) * 8 : Math.floor(Date.now() / 1000);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

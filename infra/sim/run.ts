/**
 * `npm test -- sim`: fresh seeds on the real cores, then every mutant on the seeds that are recorded to kill it.
 *
 *   run.ts --ci               3 000 seeds that are new with each commit, over all variants; all mutants' recorded seeds
 *   run.ts --seeds 200000     as many, for `npm run soak -- sim`
 *   run.ts --record           looks for killing seeds and writes seeds.json
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { runHistories } from "./histories.ts";
import { MUTANTS } from "./mutants.ts";
import { readSeeds, recordSeeds } from "./seeds.ts";
import { variants } from "./variants.ts";

const CHUNK = 50;
const KILLS_MIN = 3;

const { values } = parseArgs({
  options: {
    ci: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    seeds: { type: "string", default: "3000" },
    from: { type: "string" },
  },
});

if (values.record) await recordSeeds(say);
else process.exitCode = await prove();

async function prove(): Promise<number> {
  const started = Date.now();
  const first =
    values.from === undefined ? (seedOfCommit() ?? Math.floor(started / 1000)) : Number(values.from);
  const perVariant = Math.ceil(Number(values.seeds) / variants.size);
  const jobs = [...freshJobs(first, perVariant), ...mutantJobs()];
  const failed: string[] = [];
  let passed = 0;
  const results = new Map<string, string[]>();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
      const complaints = await job.run();
      results.set(job.test, [...(results.get(job.test) ?? []), ...complaints]);
      if (next % 20 === 0) say(`${Math.min(next, jobs.length)}/${jobs.length} runs, ${seconds(started)} s`);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker));
  for (const [test, complaints] of results) {
    if (complaints.length === 0) passed++;
    else failed.push(test);
    say(`${complaints.length === 0 ? "ok  " : "FAIL"} ${test}`);
    for (const complaint of complaints.slice(0, 5)) say(`       ${complaint}`);
  }
  say(`${perVariant * variants.size} seeds from ${first}, ${MUTANTS.length} mutants, ${seconds(started)} s`);
  say(`${passed} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

/** Fresh with every commit, and the same for everybody who looks at it again; undefined outside of a git checkout. */
function seedOfCommit(): number | undefined {
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  return status === 0 ? Number.parseInt(stdout.slice(0, 7), 16) * 8 : undefined;
}

interface Job {
  test: string;
  run(): Promise<string[]>;
}

function freshJobs(first: number, perVariant: number): Job[] {
  return [...variants.keys()].flatMap((name) =>
    Array.from({ length: Math.ceil(perVariant / CHUNK) }, (_, i) => ({
      test: `${name}: no invariant is broken, and everything heals`,
      run: async () => {
        const from = first + i * CHUNK;
        const to = Math.min(from + CHUNK, first + perVariant);
        const { violations } = await runHistories("none", name, [`${from}:${to}`]);
        return violations.map((one) => `seed ${one.seed} (${name}): ${one.invariant} ${one.detail}`);
      },
    })),
  );
}

function mutantJobs(): Job[] {
  const recorded = readSeeds();
  return MUTANTS.map(({ name, rule, variant }) => ({
    test: `${name} is noticed: ${rule}`,
    run: async () => {
      const seeds = recorded[name] ?? [];
      if (seeds.length < KILLS_MIN)
        return [`only ${seeds.length} seeds are recorded, ${KILLS_MIN} are needed`];
      const { violations } = await runHistories(name, variant, seeds.map(String));
      const killed = new Set(violations.map(({ seed }) => seed));
      return seeds
        .filter((seed) => !killed.has(seed))
        .map((seed) => `seed ${seed} does not notice it any more`);
    },
  }));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function seconds(since: number): number {
  return Math.round((Date.now() - since) / 1000);
}

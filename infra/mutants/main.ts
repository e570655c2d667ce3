/**
 * `npm run mutants`: rules of the protocol, each taken out of the real source, and what notices. Ends with a table and a
 * verdict; exits 1 when a mutant survives, when one has too few recorded killers, or when a row of the protocol names none.
 *
 *   npm run mutants                 every mutant
 *   npm run mutants -- M1 T-verify  these alone
 *   npm run mutants -- --record     looks for killers and writes them down (of these, or of all that have tests)
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { MUTANTS } from "../sim/mutants.ts";
import { recordKills } from "./kills.ts";
import { furtherMutants, rows } from "./rows.ts";
import { testedMutants } from "./tested.ts";
import { type Judged, judgeSimulated, judgeTested } from "./verdicts.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { record: { type: "boolean", default: false } },
});

if (values.record) await recordKills(positionals, say);
else process.exitCode = await prove();

async function prove(): Promise<number> {
  const startedMs = performance.now();
  const wanted = (name: string) => positionals.length === 0 || positionals.includes(name);
  const tested = testedMutants.filter((one) => wanted(one.name));
  const simulated = MUTANTS.filter((one) => wanted(one.name));
  const results = new Map<string, Judged>();
  const note = (judged: Judged) => {
    results.set(judged.name, judged);
    say(`${judged.ok ? "ok  " : "FAIL"} ${judged.name} (${judged.rule}): ${judged.by}`);
    if (judged.output !== undefined) say(judged.output.slice(-3_000));
  };
  // Real servers one after the other; everything else side by side.
  const stack = tested.filter(({ stage }) => stage === "stack");
  const light = [
    ...tested.filter(({ stage }) => stage === "unit").map((one) => () => judgeTested(one)),
    ...simulated.map((one) => () => judgeSimulated(one)),
  ];
  await inParallel(light, note);
  for (const one of stack) note(await judgeTested(one));
  const complaints = positionals.length === 0 ? unlisted() : [];
  table(results);
  for (const complaint of complaints) say(`FAIL ${complaint}`);
  const survivors = [...results.values()].filter(({ ok }) => !ok);
  const failed = survivors.length + complaints.length;
  say(
    `${results.size} mutants, ${survivors.length} survive, ${Math.round((performance.now() - startedMs) / 1000)} s`,
  );
  say(failed === 0 ? "verdict: every mutant is killed" : "verdict: the suite is too weak");
  say(`${results.size - survivors.length} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function inParallel(
  jobs: readonly (() => Promise<Judged>)[],
  note: (one: Judged) => void,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) note(await job());
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker));
}

/** Mutants that no row names, and names that no mutant has. */
function unlisted(): string[] {
  const there = new Set([...MUTANTS, ...testedMutants].map(({ name }) => name));
  const named = new Set([...furtherMutants, ...rows.flatMap(({ mutants }) => mutants)]);
  return [
    ...[...named]
      .filter((name) => !there.has(name))
      .map((name) => `rows.ts names ${name}, which is no mutant`),
    ...[...there].filter((name) => !named.has(name)).map((name) => `no invariant names the mutant ${name}`),
  ];
}

function table(results: ReadonlyMap<string, Judged>): void {
  say("\n| invariant | mutant | what is taken out | killed by |\n|---|---|---|---|");
  const line = (invariant: string, name: string) => {
    const judged = results.get(name);
    if (judged === undefined) return;
    say(
      `| ${invariant} | ${name} | ${judged.rule} | ${judged.ok ? judged.by : `**survives**: ${judged.by}`} |`,
    );
  };
  for (const { invariant, mutants } of rows) for (const name of mutants) line(invariant, name);
  for (const name of furtherMutants) line("–", name);
  say("");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

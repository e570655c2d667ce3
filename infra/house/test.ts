/**
 * `npm test [-- STAGE [FILTER …]]`: every stage in order, each counted, none hidden by the failure of one before it.
 * The last line is `N passed, N failed`; the exit code says whether anything failed.
 */
import { passSignalsOn } from "./process.ts";
import { stages } from "./stages.ts";
import { add, line, noTests, type Tally } from "./tally.ts";

const seconds = (sinceMs: number) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

async function runStages(
  wanted: readonly (typeof stages)[number][],
  filters: readonly string[],
): Promise<Tally> {
  let total = noTests;
  const summary: string[] = [];
  for (const stage of wanted) {
    console.log(`\n── ${stage.name}: ${stage.about} ──`);
    const startedAtMs = performance.now();
    const tally = await stage.run(filters).catch((error: unknown): Tally => {
      console.error(error);
      return { ...noTests, failed: 1 };
    });
    // Named on the command line it must exist; in a whole run its absence is said aloud and counts for nothing.
    const counted = tally ?? (wanted.length === 1 ? { ...noTests, failed: 1 } : noTests);
    const result = tally === undefined ? "not there yet" : line(counted);
    summary.push(
      `${counted.failed === 0 ? "ok  " : "FAIL"} ${stage.name.padEnd(8)} ${result} (${seconds(startedAtMs)})`,
    );
    total = add(total, counted);
  }
  console.log(`\n── summary ──\n${summary.join("\n")}`);
  return total;
}

passSignalsOn();
const [name, ...filters] = process.argv.slice(2);
const wanted = name === undefined ? stages : stages.filter((stage) => stage.name === name);
if (wanted.length === 0) {
  console.error(
    `No stage is called "${name}". npm test -- ${stages.map((stage) => stage.name).join(" | ")} [FILTER …]`,
  );
  process.exitCode = 2;
} else {
  const total = await runStages(wanted, filters);
  console.log(line(total));
  process.exitCode = total.failed === 0 ? 0 : 1;
}

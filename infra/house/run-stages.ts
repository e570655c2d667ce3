import { add, line, noTests, type Tally } from "./tally.ts";

export type Stage = {
  name: string;
  /** What the heading says. */
  about: string;
  /** Runs the stage; `filters` are path fragments, as vitest takes them. Undefined: the stage does not exist yet. */
  run: (filters: readonly string[]) => Promise<Tally | undefined>;
};

/**
 * Runs the stages in order, each with its heading, none hidden by the failure of one before it, then prints the
 * summary and, as the last line, the sum. A stage that throws is one failed test.
 */
export async function runStages(
  stages: readonly Stage[],
  filters: readonly string[],
  print: (text: string) => void,
): Promise<Tally> {
  let total = noTests;
  const summary: string[] = [];
  for (const stage of stages) {
    print(`\n── ${stage.name}: ${stage.about} ──`);
    const startedAtMs = performance.now();
    const tally = await stage.run(filters).catch((error: unknown): Tally => {
      print(error instanceof Error ? (error.stack ?? error.message) : String(error));
      return { ...noTests, failed: 1 };
    });
    // Asked for by name it must exist; in a whole run its absence is said aloud and counts for nothing.
    const counted = tally ?? (stages.length === 1 ? { ...noTests, failed: 1 } : noTests);
    const verdict = tally === undefined ? "none" : counted.failed === 0 ? "ok" : "FAIL";
    const result = tally === undefined ? "not there yet" : line(counted);
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    summary.push(`${verdict.padEnd(4)} ${stage.name.padEnd(8)} ${result} (${seconds} s)`);
    total = add(total, counted);
  }
  print(`\n── summary ──\n${summary.join("\n")}`);
  print(line(total));
  return total;
}

/** Runs seeds in a process of their own, so that a mutant's source never meets the real one. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Violation } from "./oracle.ts";

export interface Histories {
  readonly violations: readonly (Violation & { seed: number })[];
  readonly done: number;
  readonly admissions: number;
  readonly operations: number;
  readonly confirmations: number;
}

/** `mutant` is a name or `none`; seeds are `7` or `from:to`. Rejects when the process itself fails. */
export async function runHistories(
  mutant: string,
  variant: string,
  seeds: readonly string[],
): Promise<Histories> {
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const hook = mutant === "none" ? [] : ["--import", here("mutate.ts")];
  const child = spawn(process.execPath, [...hook, here("history.ts"), mutant, variant, ...seeds], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const lines = output.trim().split("\n");
  const last = lines.pop() ?? "";
  if (code !== 0 || !last.includes('"done"'))
    throw new Error(`${mutant} ${variant} ${seeds[0]}: exit ${code}`);
  const violations = lines.map((line) => JSON.parse(line) as Violation & { seed: number });
  const { done, admissions, operations, confirmations } = JSON.parse(last) as Omit<Histories, "violations">;
  return { violations, done, admissions, operations, confirmations };
}

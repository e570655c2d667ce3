/**
 * A process that runs seeds: `history.ts MUTANT|none VARIANT seed…` or `… from:to`. Prints one JSON line per seed that
 * violates something, then `{"done": n, …}`.
 */
import { variants } from "./variants.ts";

const [, , , variantName, ...which] = process.argv;
const simulate = variants.get(variantName ?? "");
if (simulate === undefined) throw new Error(`no variant is called ${variantName}`);

const total = { done: 0, bad: 0, admissions: 0, operations: 0, confirmations: 0 };
for (const seed of seedsOf(which)) {
  const { violations, admissions, operations, confirmations } = simulate(seed);
  total.done++;
  total.admissions += admissions;
  total.operations += operations;
  total.confirmations += confirmations;
  const [first] = violations;
  if (first === undefined) continue;
  total.bad++;
  process.stdout.write(`${JSON.stringify({ seed, ...first })}\n`);
}
process.stdout.write(`${JSON.stringify(total)}\n`);

function seedsOf(texts: readonly string[]): number[] {
  return texts.flatMap((text) => {
    const [from, to] = text.split(":").map(Number);
    if (from === undefined || Number.isNaN(from)) throw new Error(`not a seed: ${text}`);
    return to === undefined ? [from] : Array.from({ length: to - from }, (_, i) => from + i);
  });
}

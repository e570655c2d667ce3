/** Which histories notice which mutant: found once, kept in `seeds.json`, run every time. */
import { readFileSync, writeFileSync } from "node:fs";
import { runHistories } from "./histories.ts";
import { MUTANTS } from "./mutants.ts";

const FILE = new URL("seeds.json", import.meta.url);
const WANTED = 4;
const CHUNK = 40;
const SEEDS_MAX = 1_200;

export function readSeeds(): Record<string, number[]> {
  return JSON.parse(readFileSync(FILE, "utf8")) as Record<string, number[]>;
}

/** Keeps what still kills, and looks for more where that is too little. */
export async function recordSeeds(say: (line: string) => void): Promise<void> {
  const recorded = readSeeds();
  for (const { name, variant } of MUTANTS) {
    const known = recorded[name] ?? [];
    const still = known.length === 0 ? [] : await killers(name, variant, known.map(String));
    for (let from = 1; still.length < WANTED && from < SEEDS_MAX; from += CHUNK) {
      still.push(
        ...(await killers(name, variant, [`${from}:${from + CHUNK}`])).filter(
          (seed) => !still.includes(seed),
        ),
      );
    }
    recorded[name] = still.slice(0, WANTED).sort((a, b) => a - b);
    say(`${name}: ${recorded[name].join(" ") || "nobody notices it"}`);
    writeFileSync(FILE, textOf(recorded));
  }
}

/** One line per mutant. */
function textOf(recorded: Record<string, number[]>): string {
  const lines = Object.entries(recorded).map(([name, seeds]) => `  "${name}": [${seeds.join(", ")}]`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

async function killers(mutant: string, variant: string, seeds: string[]): Promise<number[]> {
  const { violations } = await runHistories(mutant, variant, seeds);
  return violations.map(({ seed }) => seed);
}

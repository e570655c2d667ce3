/** Every mutant, with what is recorded to notice it. */
import { MUTANTS } from "../sim/mutants.ts";
import { readSeeds } from "../sim/seeds.ts";
import { readKills } from "./kills.ts";
import type { KnownMutant } from "./proof-page.ts";
import { testedMutants } from "./tested.ts";

export function knownMutants(): KnownMutant[] {
  const seeds = readSeeds();
  const kills = readKills();
  return [
    ...MUTANTS.map(({ name, rule, variant }) => ({
      name,
      rule,
      killers: `seeds ${(seeds[name] ?? []).join(", ")} of the simulator's \`${variant}\``,
    })),
    ...testedMutants.map(({ name, rule }) => ({
      name,
      rule,
      killers: (kills[name] ?? [])
        .map((test) => test.split(" › "))
        .map(([path, ...title]) => `\`${path}\` “${title.join(" › ")}”`)
        .join(", "),
    })),
  ];
}

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Replacement } from "./mutants.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Path of each file that is replaced, and what stands there instead. Throws when a text does not stand there exactly once. */
export function mutatedSources(mutant: {
  readonly name: string;
  readonly replacements: readonly Replacement[];
}): ReadonlyMap<string, string> {
  const mutated = new Map<string, string>();
  for (const { file, find, replace } of mutant.replacements) {
    const path = root + file;
    const source = mutated.get(path) ?? readFileSync(path, "utf8");
    if (source.split(find).length !== 2)
      throw new Error(`${mutant.name}: its text does not stand exactly once in ${file}`);
    mutated.set(
      path,
      source.replace(find, () => replace),
    );
  }
  return mutated;
}

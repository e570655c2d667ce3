/** Gives vitest one mutant's source in place of the real one: `CLAVIGER_MUTANT` names it. */
import { mutatedSources } from "../sim/mutated-sources.ts";
import { testedMutants } from "./tested.ts";

interface SourcePlugin {
  readonly name: string;
  readonly enforce: "pre";
  transform(code: string, id: string): string | undefined;
}

/** Throws when no such mutant is there. */
export function mutantPlugin(): SourcePlugin {
  const name = process.env.CLAVIGER_MUTANT;
  const mutant = testedMutants.find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`no mutant is called ${name}`);
  const mutated = mutatedSources(mutant);
  return {
    name: "mutant",
    enforce: "pre",
    transform: (_code, id) => mutated.get(id.split("?")[0] ?? ""),
  };
}

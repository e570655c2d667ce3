/** Loaded before anything else (`--import`): hands out one mutant's source in place of the real one. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "./mutants.ts";
import { mutatedSources } from "./mutated-sources.ts";

const name = process.argv[2];
const mutant = MUTANTS.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`no mutant is called ${name}`);

const mutated = mutatedSources(mutant);

registerHooks({
  load(url, context, next) {
    const source = url.startsWith("file:") ? mutated.get(fileURLToPath(url)) : undefined;
    if (source === undefined) return next(url, context);
    return { format: "module-typescript", source, shortCircuit: true };
  },
});

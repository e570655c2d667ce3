/** Loaded before anything else (`--import`): hands out one mutant's source in place of the real one. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "./mutants.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const name = process.argv[2];
const mutant = MUTANTS.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`no mutant is called ${name}`);

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

registerHooks({
  load(url, context, next) {
    const source = url.startsWith("file:") ? mutated.get(fileURLToPath(url)) : undefined;
    if (source === undefined) return next(url, context);
    return { format: "module-typescript", source, shortCircuit: true };
  },
});

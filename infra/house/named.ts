import { readdirSync } from "node:fs";
import { passSignalsOn, run } from "./process.ts";
import { pathOf } from "./root.ts";

/**
 * Runs `FOLDER/NAME.ts` for each of the names that the command line begins with, one after the other, each with the rest
 * of it; without a known name it lists the names and exits 2. The exit code is the first that is not 0.
 */
export async function runNamed(folder: string, command: string): Promise<void> {
  const known = namesIn(folder);
  const all = process.argv.slice(2);
  const rest = all.findIndex((each) => !known.includes(each));
  const [names, args] = rest === -1 ? [all, []] : [all.slice(0, rest), all.slice(rest)];
  if (names.length === 0) {
    if (args[0] !== undefined) console.error(`There is no ${folder}/${args[0]}.ts.`);
    const list = known.length === 0 ? "  (none yet)" : known.map((each) => `  ${each}`).join("\n");
    console.error(`npm run ${command} -- NAME…, where NAME is one of:\n${list}`);
    process.exitCode = 2;
    return;
  }
  passSignalsOn();
  for (const name of names) {
    const code = await run(process.execPath, [pathOf(`${folder}/${name}.ts`), ...args]);
    process.exitCode ||= code;
  }
}

/** A name is a file of its own at the top of the folder; helpers live in folders below it. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(pathOf(folder))
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => file.slice(0, -".ts".length))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

import { readdirSync } from "node:fs";
import { passSignalsOn, run } from "./process.ts";
import { pathOf } from "./root.ts";

/** Runs `FOLDER/NAME.ts` with the rest of the command line; without a known name it lists the names and exits 2. */
export async function runNamed(folder: string, command: string): Promise<void> {
  const [name, ...args] = process.argv.slice(2);
  const names = namesIn(folder);
  if (name === undefined || !names.includes(name)) {
    if (name !== undefined) console.error(`There is no ${folder}/${name}.ts.`);
    const list = names.length === 0 ? "  (none yet)" : names.map((each) => `  ${each}`).join("\n");
    console.error(`npm run ${command} -- NAME, where NAME is one of:\n${list}`);
    process.exitCode = 2;
    return;
  }
  passSignalsOn();
  process.exitCode = await run(process.execPath, [pathOf(`${folder}/${name}.ts`), ...args]);
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

/** The process of `npx claviger`. */
import { claviger } from "./claviger.ts";
import { CommandError } from "./command.ts";

try {
  await claviger(process.argv.slice(2), {
    env: process.env,
    now: () => new Date(),
    out: (line) => void process.stdout.write(`${line}\n`),
  });
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`claviger: ${message.split("\n")[0]}\n`);
  process.exitCode = error instanceof CommandError ? error.exitCode : 1;
}

#!/usr/bin/env node
/** `npx claviger …` in this workspace: the command line under the Node that the workspace brings along. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isInstalled } from "./install.mjs";
import { chooseNode, PlainError } from "./platform.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

try {
  if (!isInstalled(root)) {
    throw new PlainError("claviger: the dependencies are not installed: run `npm start` or `npm test` once");
  }
  const args = [join(root, "infra/cli/main.ts"), ...process.argv.slice(2)];
  const child = spawn(chooseNode(root), args, { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // A terminal's Ctrl-C reaches the child by itself.
  process.on("SIGINT", () => undefined);
  child.on("error", (error) => {
    console.error(`claviger: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
} catch (error) {
  if (!(error instanceof PlainError)) throw error;
  console.error(error.message);
  process.exit(1);
}

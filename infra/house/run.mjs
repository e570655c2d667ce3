#!/usr/bin/env node
/**
 * What every `npm run …` of this repository goes through. Runs on the system's Node (20 or newer) with nothing
 * installed: brings the dependencies up to date, then runs the task under the pinned Node 24.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, isInstalled } from "./install.mjs";
import { chooseNode, PlainError } from "./platform.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Every task and the file that does it. A file that a task names but that does not exist yet is an error. */
const tasks = {
  start: "infra/local/start.ts",
  test: "infra/house/test.ts",
  verify: "infra/house/verify.ts",
  soak: "infra/house/soak.ts",
  bench: "infra/house/bench.ts",
  sim: "infra/sim/run.ts",
  mutants: "infra/mutants/main.ts",
  faults: "infra/faults/main.ts",
  screenshots: "infra/screenshots/main.ts",
};

/** Runs `file` as a child that gets our signals and whose exit code becomes ours. */
function hand(node, file, args) {
  const path = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
  const child = spawn(node, [join(root, file), ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: path },
  });
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"]) {
    // A terminal's Ctrl-C reaches the child by itself; a second SIGINT would mean "at once" to it.
    process.on(signal, () => (signal === "SIGINT" && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  if (process.env.npm_lifecycle_event !== undefined) endWithParent(child);
  child.on("error", (error) => {
    console.error(`Could not start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** npm passes SIGTERM and SIGINT on, but when it is killed or hung up nobody tells us: its child gets another parent. */
function endWithParent(child) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 500).unref();
}

async function main([task, ...args]) {
  const file = tasks[task];
  if (file === undefined) throw new PlainError(`Usage: npm run ${Object.keys(tasks).join(" | ")}`);
  if (!isInstalled(root)) await install(root);
  const node = chooseNode(root);
  if (!existsSync(join(root, file))) throw new PlainError(`${file} does not exist.`);
  hand(node, file, args);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof PlainError ? error.message : error);
  process.exit(1);
});

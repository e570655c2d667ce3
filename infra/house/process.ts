import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter } from "node:path";
import { root } from "./root.ts";

export type RunOptions = {
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Folders put before PATH. */
  path?: string[];
  /** Gets stdout as it comes, and stderr too when `quiet`. */
  onOutput?: (chunk: string) => void;
  /** Prints nothing. */
  quiet?: boolean;
};

const running = new Set<ChildProcess>();

/** Runs a command at the repository's top and resolves to its exit code (128 + n when signal n ended it). */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<number> {
  const quiet = options.quiet === true;
  const child = spawn(command, args, {
    cwd: root,
    stdio: [
      "ignore",
      quiet || options.onOutput !== undefined ? "pipe" : "inherit",
      quiet ? "pipe" : "inherit",
    ],
    env: {
      ...process.env,
      ...options.env,
      PATH: [...(options.path ?? []), process.env.PATH].join(delimiter),
    },
  });
  running.add(child);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      options.onOutput?.(chunk.toString());
      if (!quiet) process.stdout.write(chunk);
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** Passes an end that is asked of us on to whatever runs, then ends; without it a stage would outlive its caller. */
export function passSignalsOn(): void {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.once(signal, () => {
      const children = [...running];
      const ended = children.map((child) => new Promise((resolve) => child.once("close", resolve)));
      for (const child of children) child.kill(signal);
      void Promise.all(ended).then(() => process.exit(128 + constants.signals[signal]));
    });
  }
}

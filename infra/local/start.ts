/** `npm start`: the whole of Claviger on one machine. Everything it does is in stack.ts; here are flags and signals. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildDashboard } from "./build-dashboard.ts";
import { CHECKOUT } from "./definitions.ts";
import { DEFAULT_WORKERS } from "./layout.ts";
import { nearPath, type Paint, paintFor, readyText } from "./print.ts";
import { resetHome } from "./reset.ts";
import { startLocalStack } from "./stack.ts";
import { describeExit } from "./supervise.ts";
import { LocalStackError, type Stack, type StackOptions } from "./types.ts";

const USAGE = `npm start [-- FLAGS]
  --no-demo      an empty system: no organization, no gateways
  --no-restart   stop everything when a child dies
  --reset        empty CLAVIGER_HOME first
  --worker       a third gateway on the Workers runtime
Environment: CLAVIGER_PORT_BASE (default 8700), CLAVIGER_HOME (default .claviger/), CLAVIGER_CACHE (default .cache/)`;

interface Flags {
  readonly demo: boolean;
  readonly restart: boolean;
  readonly reset: boolean;
  readonly worker: boolean;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Flags, or the exit code of a run that has said what it had to say. */
function readFlags(): Flags | number {
  try {
    const boolean = { type: "boolean" } as const;
    const { values } = parseArgs({
      options: {
        "no-demo": boolean,
        "no-restart": boolean,
        reset: boolean,
        worker: boolean,
        help: boolean,
      },
    });
    if (values.help) {
      say(USAGE);
      return 0;
    }
    return {
      demo: values["no-demo"] !== true,
      restart: values["no-restart"] !== true,
      reset: values.reset === true,
      worker: values.worker === true,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
}

function readPortBase(): number {
  const text = process.env.CLAVIGER_PORT_BASE ?? "8700";
  const base = Number(text);
  if (Number.isInteger(base) && base >= 1024 && base <= 65_000) return base;
  throw new LocalStackError(`CLAVIGER_PORT_BASE is "${text}"; it must be a number from 1024 to 65000`);
}

/** Which of the pages for people this control plane serves. */
async function findPages(stack: Stack): Promise<string[]> {
  const answers = await Promise.all(
    ["dashboard", "docs"].map(async (page) => {
      try {
        const answer = await fetch(`${stack.urls.controlPlane}/${page}`, {
          signal: AbortSignal.timeout(5000),
        });
        await answer.arrayBuffer();
        return answer.ok ? [page] : [];
      } catch {
        // It answered a moment ago; what it does not serve now is simply not printed.
        return [];
      }
    }),
  );
  return answers.flat();
}

function fail(error: unknown, paint: Paint): void {
  if (!(error instanceof LocalStackError)) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return;
  }
  process.stderr.write(`${paint.red(error.message)}\n`);
  if (error.detail !== undefined && error.detail !== "") {
    process.stderr.write(`${error.detail.replace(/^/gm, "    ")}\n`);
  }
}

/** Aborted by a request to stop. Repetitions change nothing (npm passes on what the terminal sent us already). */
function stopSignals(paint: Paint): AbortSignal {
  const asked = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (!asked.signal.aborted) say(paint.dim("  stopping"));
      asked.abort();
    });
  }
  return asked.signal;
}

async function main(): Promise<number> {
  const flags = readFlags();
  if (typeof flags === "number") return flags;
  const sinceMs = Date.now();
  const paint = paintFor(process.stdout.isTTY === true);
  const report = (line: string) => say(paint.dim(`  ${line}`));
  const home = resolve(process.env.CLAVIGER_HOME ?? join(CHECKOUT, ".claviger"));
  const ended = Promise.withResolvers<number>();
  const asked = stopSignals(paint);
  asked.addEventListener("abort", () => ended.resolve(0));
  try {
    const options: StackOptions = {
      home,
      portBase: readPortBase(),
      demo: flags.demo,
      restart: flags.restart,
      ...(flags.worker ? { workers: DEFAULT_WORKERS } : {}),
      searchPath: process.env.PATH ?? "",
      ...(process.env.CLAVIGER_CACHE === undefined ? {} : { cacheDir: resolve(process.env.CLAVIGER_CACHE) }),
      report,
      signal: asked,
      onChildLost: (name, exit) => {
        process.stderr.write(
          `${paint.red(`${name} ended (${describeExit(exit)}); stopping (--no-restart)`)}\n`,
        );
        ended.resolve(1);
      },
    };
    say(`Starting Claviger (home ${nearPath(home)}, ports from ${options.portBase})`);
    if (flags.reset) await resetHome(home, report);
    await buildDashboard(CHECKOUT, report);
    const stack = await startLocalStack(options);
    say(readyText(stack, await findPages(stack), ((Date.now() - sinceMs) / 1000).toFixed(1), paint));
    const code = await ended.promise;
    await stack.stop();
    report("stopped; the data is kept");
    return code;
  } catch (error) {
    if (asked.aborted) {
      report("stopped before it was ready; the next start continues");
      return 0;
    }
    fail(error, paint);
    return 1;
  }
}

// Whoever reads our words may go away (`npm start | head`); the stack goes on.
process.stdout.on("error", () => undefined);
process.exit(await main());

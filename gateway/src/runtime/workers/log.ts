/** The log of a Worker: JSON lines on the console, which is where the platform collects them. */
import type { Log } from "../../ports.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];

export function createLog(level: Level, base: object): Log {
  const from = LEVELS.indexOf(level);
  const at = (n: number) => (fields: object, message: string) => {
    if (n < from) return;
    const line = JSON.stringify(
      { level: LEVELS[n], time: Date.now(), ...base, ...fields, msg: message },
      told,
    );
    // biome-ignore lint/suspicious/noConsole: a Worker has no other log
    console.log(line);
  };
  return { debug: at(0), info: at(1), warn: at(2), error: at(3) };
}

/** An error as what can be read of it. */
function told(_name: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause === undefined ? {} : { cause }) };
}

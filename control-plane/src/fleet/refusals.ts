/**
 * Messages of replicas that changed nothing, counted: of one process, since it started. A replica that sends nothing else
 * fills no disk: of each reason one line a second is logged.
 */
import type { Log, Ports } from "../ports.ts";

export type CourierName = "bus" | "https";

interface Count {
  n: number;
  loggedAtMs: number;
}

const LOG_EVERY_MS = 1_000;

/** A process has one log, and its ports are copied about. */
const counts = new WeakMap<Log, Map<string, Count>>();

/** Counts one refusal; `code` is one of a closed list. */
export function countRefusal(
  { log, clock }: Pick<Ports, "log" | "clock">,
  courier: CourierName,
  code: string,
  fields: object = {},
): void {
  const ofProcess = counts.get(log) ?? new Map<string, Count>();
  counts.set(log, ofProcess);
  const name = `${courier} ${code}`;
  const count = ofProcess.get(name) ?? { n: 0, loggedAtMs: Number.NEGATIVE_INFINITY };
  ofProcess.set(name, count);
  count.n += 1;
  const nowMs = clock.nowMs();
  if (Math.abs(nowMs - count.loggedAtMs) < LOG_EVERY_MS) return;
  count.loggedAtMs = nowMs;
  log.warn({ courier, code, ofThese: count.n, ...fields }, "a message of a replica was refused");
}

/** Each reason with how often it was. */
export function refusalsOf({ log }: Pick<Ports, "log">): { courier: string; code: string; n: number }[] {
  return [...(counts.get(log) ?? [])].map(([name, { n }]) => {
    const [courier = "", code = ""] = name.split(" ");
    return { courier, code, n };
  });
}

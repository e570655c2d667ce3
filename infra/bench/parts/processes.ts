/** What Linux tells of a process, and which core it may use. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Ticks per second of /proc/PID/stat on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of the process with all its threads, in seconds. */
export function cpuSecondsOf(pid: number): number {
  // The name, in parentheses, may hold anything; the third field follows it.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of the process, in bytes. */
export function residentBytesOf(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (line === null) throw new Error(`process ${pid} has no memory`);
  return Number(line[1]) * 1024;
}

/** Whoever is measured has the last core to itself; load, upstream and everybody else have the first. */
export const CORES = { others: 0, measured: availableParallelism() - 1 } as const;

/** Every thread of the process, and those that it starts from now on. */
export function pinTo(pid: number, core: number): void {
  if (CORES.measured === CORES.others) throw new Error("a machine of one core cannot tell proxy from load");
  const result = spawnSync("taskset", ["-a", "-c", "-p", String(core), String(pid)], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`taskset: ${result.error?.message ?? result.stderr.trim()}`);
}

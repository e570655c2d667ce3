/** Memory and CPU of processes of a stack, as the system and they themselves see it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PROBE_MS_MAX = 30_000;
const CLOCK_TICKS_PER_SECOND = 100;

export interface Memory {
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  /** After a full collection; undefined for a process without the probe. */
  readonly heapBytes: number | undefined;
}

export interface Probe {
  /** Goes into the environment of the processes to be asked. */
  readonly env: Readonly<Record<string, string>>;
  memoryOf(pid: number): Promise<Memory>;
  remove(): void;
}

export function createProbe(): Probe {
  const dir = mkdtempSync(join(tmpdir(), "claviger-probe-"));
  const program = join(import.meta.dirname, "memory-probe.ts");
  return {
    env: { CLAVIGER_PROBE_DIR: dir, NODE_OPTIONS: `--import ${program}` },
    async memoryOf(pid) {
      const file = join(dir, `${pid}.json`);
      rmSync(file, { force: true });
      process.kill(pid, "SIGUSR2");
      const deadlineMs = performance.now() + PROBE_MS_MAX;
      while (!existsSync(file) && performance.now() < deadlineMs) await sleep(20);
      const { heapUsed } = JSON.parse(readFileSync(file, "utf8")) as NodeJS.MemoryUsage;
      return { ...residentOf(pid), heapBytes: heapUsed };
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Now and at its highest, from the system. */
export function residentOf(pid: number): Omit<Memory, "heapBytes"> {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return { rssBytes: kb("VmRSS") * 1024, rssPeakBytes: kb("VmHWM") * 1024 };
}

/** User and system time of a process so far. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
}

export function mb(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

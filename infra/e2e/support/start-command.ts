/** `npm start`'s program as a process of its own, with its own home and ports. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const CHECKOUT = resolve(import.meta.dirname, "../../..");

export interface Started {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Everything it has said so far, on both streams. */
  said(): string;
  /** Resolves with the seconds that it printed; rejects when it ends before. */
  readonly ready: Promise<number>;
  /** Its exit code; null after a signal. */
  readonly exit: Promise<number | null>;
}

/** Starts it with `CLAVIGER_HOME` and `CLAVIGER_PORT_BASE`. */
export function runStart(home: string, portBase: number, args: readonly string[] = []): Started {
  const child = spawn(process.execPath, [join(CHECKOUT, "infra/local/start.ts"), ...args], {
    cwd: CHECKOUT,
    env: { ...process.env, CLAVIGER_HOME: home, CLAVIGER_PORT_BASE: String(portBase) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const exit = new Promise<number | null>((resolveExit) => child.once("close", (code) => resolveExit(code)));
  const ready = new Promise<number>((resolveReady, reject) => {
    const hear = (bytes: Buffer) => {
      said += bytes.toString("utf8");
      const match = /Claviger is ready \(([\d.]+) s\)[\s\S]*-d '.*'/.exec(said);
      if (match !== null) resolveReady(Number(match[1]));
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void exit.then((code) => reject(new Error(`npm start ended with ${code}:\n${said}`)));
  });
  // Whoever only looks at how it ends does not await `ready`.
  ready.catch(() => undefined);
  return { process: child, pid: child.pid ?? 0, said: () => said, ready, exit };
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** In clock ticks since boot: tells a process from a later one with the same id. */
  readonly startedAt: string;
}

/** Linux: every process that can be seen. */
function processes(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z") return [];
      return [{ pid: Number(name), parent: Number(fields[1]), startedAt: fields[19] ?? "" }];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

/** A process and all that it started, as long as their parents live. */
export function familyOf(pid: number): Process[] {
  const all = processes();
  const family = all.filter((one) => one.pid === pid);
  for (let at = 0; at < family.length; at += 1) {
    family.push(...all.filter((one) => one.parent === family[at]?.pid));
  }
  return family;
}

/** Those of a family that still run. */
export function survivorsOf(family: readonly Process[]): Process[] {
  const now = processes();
  return family.filter((one) =>
    now.some(({ pid, startedAt }) => pid === one.pid && startedAt === one.startedAt),
  );
}

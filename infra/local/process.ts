/**
 * One operating-system process that writes to a log file and never outlives us: a guard (a shell that waits on a pipe
 * from this process) ends it when we are killed without a chance to. Processes run in a session of their own, so that
 * Ctrl-C reaches us alone and the order of stopping stays ours.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { type Exit, LocalStackError } from "./types.ts";

export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Appended to. */
  readonly logFile: string;
  /** Opened by us and handed to the process as descriptor 3; lets it use a folder whose parents it may not enter. */
  readonly inheritedDir?: string | undefined;
  readonly stopSignal: NodeJS.Signals;
  /** After this SIGKILL follows. */
  readonly stopMsMax: number;
}

export interface RunningProcess {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<Exit>;
  /** Null while it runs. */
  exit(): Exit | null;
  kill(signal: NodeJS.Signals): void;
  /** Ends it: `stopSignal`, then SIGKILL after `stopMsMax`. */
  stop(): Promise<Exit>;
}

/** Learns the process id from its first line; "done" stands it down, the end of the pipe makes it act. */
const GUARD = `
read -r pid || exit 0
if read -r _; then exit 0; fi
kill -s "$1" "$pid" 2>/dev/null || exit 0
n=0
while kill -0 "$pid" 2>/dev/null && [ "$n" -lt 50 ]; do sleep 0.1; n=$((n+1)); done
kill -s KILL "$pid" 2>/dev/null
`;

/** Starts a process; throws `LocalStackError` when the program cannot be run at all. */
export async function startProcess(spec: ProcessSpec): Promise<RunningProcess> {
  mkdirSync(dirname(spec.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(spec.logFile, "a", 0o600);
  const inherited = spec.inheritedDir === undefined ? undefined : openSync(spec.inheritedDir, "r");
  const watch = startGuard(spec.stopSignal);
  let child: ChildProcess;
  try {
    child = spawn(spec.command, [...spec.args], {
      cwd: spec.cwd,
      env: { ...spec.env },
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.gid === undefined ? {} : { gid: spec.gid }),
      detached: true,
      stdio: inherited === undefined ? ["ignore", log, log] : ["ignore", log, log, inherited],
    });
  } finally {
    closeSync(log);
    if (inherited !== undefined) closeSync(inherited);
  }
  // In the same breath as the spawn: a process that we are killed before noting would outlive us.
  if (child.pid !== undefined) watch.begin(child.pid);
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  void exited.then(watch.end);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => {
      watch.end();
      reject(new LocalStackError(`cannot run ${spec.command}: ${error.message}`));
    });
  });
  return running(child, exited, spec);
}

function running(child: ChildProcess, exited: Promise<Exit>, spec: ProcessSpec): RunningProcess {
  const pid = child.pid;
  if (pid === undefined) throw new LocalStackError(`${spec.command} started without a process id`);
  let ended: Exit | null = null;
  void exited.then((exit) => {
    ended = exit;
  });
  const kill = (signal: NodeJS.Signals): void => {
    if (ended === null) child.kill(signal);
  };
  return {
    pid,
    exited,
    exit: () => ended,
    kill,
    async stop() {
      kill(spec.stopSignal);
      // A frozen process takes no signal but KILL until it is thawed.
      kill("SIGCONT");
      const timer = setTimeout(() => kill("SIGKILL"), spec.stopMsMax);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

interface Guard {
  /** From now on the death of this process ends that one. */
  begin(pid: number): void;
  /** Stands it down. */
  end(): void;
}

function startGuard(stopSignal: NodeJS.Signals): Guard {
  const shell = spawn("/bin/sh", ["-c", GUARD, "guard", stopSignal.replace(/^SIG/, "")], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // A guard that cannot start or has gone leaves the leftovers to the next start, which looks for them.
  shell.on("error", () => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  return {
    begin: (pid) => void shell.stdin.write(`${pid}\n`),
    end: () => void shell.stdin.end("done\n"),
  };
}

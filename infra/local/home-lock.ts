/** One supervisor per home, and nothing of a dead one left running when the next begins. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod";
import { readJsonFile, writeJsonFile } from "./json-file.ts";
import { processIdentity } from "./process-identity.ts";
import { LocalStackError } from "./types.ts";
import { waitUntil } from "./wait.ts";

const Mark = z.object({ pid: z.int(), identity: z.string(), stopSignal: z.string().optional() });
type Mark = z.infer<typeof Mark>;

/** SQLITE_BUSY: somebody has the file's lock. */
const BUSY = 5;

/**
 * Takes the home for this process, or throws one line that names who has it. The answer gives it back. The lock is the
 * kernel's, on a database that never holds a row: it ends with the process, so it is never stale and never half taken.
 * `supervisor.lock` is the note that says whose it is.
 */
export function lockHome(home: string): () => void {
  const note = join(home, "supervisor.lock");
  const file = takeFile(join(home, "supervisor.sqlite"));
  const holder = readHolder(note);
  // A file system may have no locks, and then the note is all there is.
  if (file === undefined || (holder !== null && isStill(holder))) {
    file?.close();
    throw new LocalStackError(
      `Claviger already runs on ${home} (pid ${holder?.pid ?? "unknown"}). Stop it first, or set CLAVIGER_HOME.`,
    );
  }
  const mine = { pid: process.pid, identity: processIdentity(process.pid) ?? "" };
  writeFileSync(note, JSON.stringify(mine), { mode: 0o600 });
  return () => {
    rmSync(note, { force: true });
    file.close();
  };
}

/** The file with its lock, until it is closed; undefined when somebody else has it. It is never deleted: two would be two locks. */
function takeFile(path: string): DatabaseSync | undefined {
  const file = new DatabaseSync(path);
  try {
    // Nothing is ever written, so nothing is to be rolled back.
    file.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return file;
  } catch (error) {
    file.close();
    if ((error as { errcode?: number }).errcode === BUSY) return undefined;
    throw error;
  }
}

function readHolder(file: string): Mark | null {
  try {
    return Mark.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Cut short by a crash, or just removed: held by nobody.
    return null;
  }
}

function isStill(mark: Mark): boolean {
  return processIdentity(mark.pid) === mark.identity;
}

/** Notes that a child runs, so that the next start can end it if we cannot. */
export function noteChild(home: string, name: string, pid: number, stopSignal: NodeJS.Signals): void {
  const dir = join(home, "run");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeJsonFile(join(dir, `${name}.json`), { pid, identity: processIdentity(pid) ?? "", stopSignal });
}

/** Forgets a child that has ended. */
export function forgetChild(home: string, name: string): void {
  rmSync(join(home, "run", `${name}.json`), { force: true });
}

/** Ends children that a killed supervisor left behind; only those that are provably the noted processes. */
export async function endLeftovers(home: string, report: (line: string) => void): Promise<void> {
  const dir = join(home, "run");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const files = readdirSync(dir).filter((file) => file.endsWith(".json"));
  // PostgreSQL last: the others may still be writing to it.
  for (const last of [false, true]) {
    const group = files.filter((file) => (file === "postgres.json") === last);
    await Promise.all(group.map((file) => endLeftover(join(dir, file), file.replace(/\.json$/, ""), report)));
  }
}

async function endLeftover(file: string, name: string, report: (line: string) => void): Promise<void> {
  const mark = Mark.safeParse(readJsonFile(file));
  if (mark.success && isStill(mark.data)) {
    const { pid, stopSignal } = mark.data;
    report(`ending ${name} (pid ${pid}), left over from a start that was killed`);
    const gone = () => waitUntil(async () => !isStill(mark.data), { timeoutMs: 10_000 });
    process.kill(pid, stopSignal as NodeJS.Signals);
    if (!(await gone())) {
      process.kill(pid, "SIGKILL");
      await gone();
    }
  }
  rmSync(file, { force: true });
}

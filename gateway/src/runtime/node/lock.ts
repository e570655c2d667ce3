/**
 * One process per slot: a second one on the same folder would speak with two tongues (PROTOCOL §2.0, A5). The lock is the
 * kernel's, on a database that never holds a row: it ends with the process, however that ends, so there is none that is
 * stale and no moment at which it is half taken. Beside it lies a note for people that says who has it.
 */
import { readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** SQLITE_BUSY: somebody has the file's lock. */
const BUSY = 5;

/** Takes the slot's lock, or throws when a living process has it; resolves to the way to give it back. */
export async function lockSlot(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const note = join(folder, "lock");
  const file = takeFile(join(folder, "lock.sqlite"));
  const holder = await holderOf(note);
  // A file system may have no locks, and then the note is all there is.
  if (file === undefined || (holder !== undefined && isAlive(holder))) {
    file?.close();
    throw new Error(
      `${folder} is in use by process ${holder?.pid ?? "of an unknown number"}; a slot belongs to one process`,
    );
  }
  await writeFile(note, JSON.stringify(self()), { mode: 0o600 });
  return async () => {
    await rm(note, { force: true });
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

interface Holder {
  pid: number;
  /** Distinguishes a process from a later one with the same number. */
  started: string;
}

function self(): Holder {
  return { pid: process.pid, started: startOf(process.pid) ?? "" };
}

async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    // Written half, or gone meanwhile: nobody's.
    return undefined;
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const now = startOf(pid);
  return now === undefined || now === started;
}

/** Start time of a process in clock ticks since boot, where the system tells (Linux: field 22 of stat). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

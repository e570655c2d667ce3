/** One process per slot: a second one on the same folder would speak with two tongues (PROTOCOL §2.0, A5). */
import { readFileSync } from "node:fs";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** Takes the slot's lock, or throws when a living process has it; resolves to the way to give it back. */
export async function lockSlot(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "lock");
  const mine = JSON.stringify(self());
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(path, "wx", 0o600);
      await file.writeFile(mine);
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const holder = await holderOf(path);
      if (holder !== undefined && isAlive(holder)) {
        throw new Error(`${folder} is in use by process ${holder.pid}; a slot belongs to one process`);
      }
      await rm(path, { force: true });
    }
  }
  throw new Error(`${path} cannot be taken`);
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

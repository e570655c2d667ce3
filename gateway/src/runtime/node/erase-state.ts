/** The end of what a detached replica has on disk of the organization's state. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "./durable-file.ts";

/** Deletes every generation of the state in this folder. */
export async function eraseState(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^state[-.]/.test(name)) await rm(join(folder, name), { force: true });
  }
  await syncFolder(folder);
}

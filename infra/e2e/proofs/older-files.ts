/** The ways to put older files in place of a gateway's newest, each to be done to a copy of its folder. */
import { cpSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { addGeneration, type Copied, flip } from "../support/cold-replica.ts";
import type { World } from "../support/world.ts";

type Alter = (copied: Copied) => void | Promise<void>;

/** By name; `before` is the same replica's folder, of earlier. */
export function olderFiles(
  world: World,
  gateway: string,
  replica: string,
  before: Copied,
): Record<string, Alter> {
  const states = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("state"));
  const everyState: Alter = ({ folder }) => {
    for (const name of states(folder)) rmSync(join(folder, name));
    for (const name of states(before.folder)) cpSync(join(before.folder, name), join(folder, name));
  };
  const shorten: Alter = ({ folder }) =>
    cpSync(join(before.folder, "state-1.log"), join(folder, "state-1.log"));
  const withoutLog = ({ folder }: Copied, ...ends: string[]) => {
    for (const end of ends) rmSync(join(folder, `log.sqlite${end}`), { force: true });
  };
  return {
    "every file of the state": everyState,
    "the log": shorten,
    "the generation before under the newest one's name": async (copied) => {
      const { folder } = copied;
      await addGeneration(world, gateway, copied, replica);
      for (const name of ["snapshot", "log"]) {
        renameSync(join(folder, `state-1.${name}`), join(folder, `state-2.${name}`));
      }
    },
    "the generation before, with its pointer, and without the newest": async (copied) => {
      const { folder } = copied;
      await addGeneration(world, gateway, copied, replica);
      for (const name of ["snapshot", "log"]) rmSync(join(folder, `state-2.${name}`));
      for (const name of states(before.folder)) cpSync(join(before.folder, name), join(folder, name));
    },
    "only the generation before": async (copied) => {
      await addGeneration(world, gateway, copied, replica);
      for (const name of ["snapshot", "log"]) rmSync(join(copied.folder, `state-2.${name}`));
    },
    // The audit log, which would tell, may be gone with what it would tell of.
    "the log, and no audit log": async (copied) => {
      await shorten(copied);
      withoutLog(copied, "", "-wal", "-shm");
    },
    "the log, and an audit log without its latest part": async (copied) => {
      await shorten(copied);
      withoutLog(copied, "-wal", "-shm");
    },
    "the log, and an audit log with one byte flipped": async (copied) => {
      await shorten(copied);
      flip(join(copied.folder, "log.sqlite-wal"), -1);
    },
    "every file of the state, and no audit log": async (copied) => {
      await everyState(copied);
      withoutLog(copied, "", "-wal", "-shm");
    },
  };
}

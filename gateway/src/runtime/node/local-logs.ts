/** The logs of one replica on Node: SQLite in its own thread, the open journal beside it, in the replica's folder. */
import { join } from "node:path";
import { type LocalLogs, type LocalLogsDeps, openLocalLogs as open } from "../../replica/local-logs.ts";
import { openLogStore } from "./log-store.ts";
import { openOpenJournal } from "./open-journal.ts";

/** Opens the logs below `folder` and settles what the last process left open. */
export async function openLocalLogs(folder: string, deps: LocalLogsDeps): Promise<LocalLogs> {
  const { replicaId, retention } = deps;
  const store = await openLogStore(join(folder, "log.sqlite"), replicaId, retention.bodyBytesMax);
  return open({ store, openJournal: () => openOpenJournal(join(folder, "open")) }, deps);
}

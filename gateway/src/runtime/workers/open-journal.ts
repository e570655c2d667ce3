/**
 * `OpenJournal` in the object's storage: one row per open attempt. A row is written in the turn that asks for it, and
 * the object's output gate lets no byte out, neither to the provider nor to the caller, before it is on disk.
 */
import { attemptIdOf } from "../../attempt-id.ts";
import type { OpenJournal, OpenRecord } from "../../ports.ts";

/** What stood there when it was opened are the orphans of the object before this one. */
export function openOpenJournal({ sql }: DurableObjectStorage): OpenJournal {
  sql.exec(
    "CREATE TABLE IF NOT EXISTS open_attempt (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID",
  );
  const orphans = sql
    .exec("SELECT record FROM open_attempt")
    .toArray()
    .map(({ record }) => JSON.parse(String(record)) as OpenRecord);
  return {
    async open(record) {
      const text = JSON.stringify(record);
      sql.exec("INSERT OR REPLACE INTO open_attempt (id, record) VALUES (?, ?)", attemptIdOf(record), text);
    },
    settle: (attemptId) => void sql.exec("DELETE FROM open_attempt WHERE id = ?", attemptId),
    orphans: async () => orphans,
    close: async () => undefined,
  };
}

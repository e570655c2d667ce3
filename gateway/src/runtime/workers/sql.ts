/** `SqlStore` over the object's own SQLite, which keeps statements by their text and knows no BEGIN. */
import { createHash } from "node:crypto";
import type { Link, SqlRow, SqlStore } from "../../logs/store/sql.ts";

export function objectSql(storage: DurableObjectStorage): SqlStore {
  const { sql } = storage;
  return {
    prepare: (text) => ({
      all: (...values) => sql.exec(text, ...values).toArray() as SqlRow[],
      get: (...values) => sql.exec(text, ...values).toArray()[0] as SqlRow | undefined,
      iterate: (...values) => sql.exec(text, ...values).toArray() as SqlRow[],
      run(...values) {
        sql.exec(text, ...values).toArray();
        const one = (name: string) => Number(sql.exec(`SELECT ${name}() AS n`).toArray()[0]?.n);
        return {
          get changes() {
            return one("changes");
          },
          get lastInsertRowid() {
            return one("last_insert_rowid");
          },
        };
      },
    }),
    exec: (text) => void sql.exec(text),
    tx: (work) => storage.transactionSync(work),
    // Nobody else runs while an object's own code does.
    view: (work) => work(),
    usedBytes: () => sql.databaseSize,
  };
}

export const link: Link = (before, text) =>
  createHash("sha256").update(before, "base64url").update(text).digest("base64url");

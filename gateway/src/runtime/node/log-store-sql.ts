/** `SqlStore` over node:sqlite. */
import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Link, SqlStatement, SqlStore } from "../../logs/store/sql.ts";

export function nodeSql(db: DatabaseSync): SqlStore {
  const within = <T>(begin: string, work: () => T): T => {
    db.exec(begin);
    try {
      const value = work();
      db.exec("COMMIT");
      return value;
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  };
  const pragma = (name: string) => Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
  return {
    prepare: (sql) => db.prepare(sql) as unknown as SqlStatement,
    exec: (sql) => db.exec(sql),
    tx: (work) => within("BEGIN IMMEDIATE", work),
    view: (work) => within("BEGIN", work),
    // Pages of rows that went are used again before the file grows.
    usedBytes: () => (pragma("page_count") - pragma("freelist_count")) * pragma("page_size"),
  };
}

/** The last link that was made: the next one is made of it. */
let last = { text: "", bytes: Buffer.alloc(0) };

export const link: Link = (before, text) => {
  const head = before === last.text ? last.bytes : Buffer.from(before, "base64url");
  const bytes = hash("sha256", Buffer.concat([head, Buffer.from(text)]), "buffer");
  last = { text: bytes.toString("base64url"), bytes };
  return last.text;
};

/**
 * What was said in requests, for organizations that want it kept. Bodies stand beside the log and not in its lines: they
 * go by themselves, the oldest first, so that however much is said, no line of log or audit goes earlier for it.
 */
import type { CapturedBodies } from "@claviger/shared/wire/query";
import type { SqlStore } from "./sql.ts";

const encoder = new TextEncoder();

export const BODIES_SCHEMA = `
CREATE TABLE IF NOT EXISTS body (
  n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, said TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS body_at ON body (at_ms, bytes);
`;

export interface Keeping {
  /** Inside the transaction of its row `n`. Of all that is kept, the oldest goes when it becomes too much. */
  keep(n: number, atMs: number, said: string): void;
  /** After a transaction that came to nothing. */
  recount(): void;
  /** Lets those of before that moment go. */
  forget(beforeMs: number): void;
}

export function createKeeping(db: SqlStore, bytesMax: number): Keeping {
  const sum = db.prepare("SELECT coalesce(sum(bytes), 0) AS bytes FROM body");
  const insert = db.prepare("INSERT INTO body (n, at_ms, bytes, said) VALUES (?, ?, ?, ?)");
  const drop = db.prepare("DELETE FROM body WHERE n = (SELECT min(n) FROM body) RETURNING bytes");
  const dropOld = db.prepare("DELETE FROM body WHERE at_ms < ?");
  const count = () => Number(sum.get()?.bytes);
  let kept = count();
  return {
    keep(n, atMs, said) {
      const bytes = encoder.encode(said).length;
      insert.run(n, atMs, bytes, said);
      kept += bytes;
      if (kept > bytesMax) kept = count();
      while (kept > bytesMax) {
        const oldest = drop.get();
        if (oldest === undefined) return;
        kept -= Number(oldest.bytes);
      }
    },
    recount() {
      kept = count();
    },
    forget(beforeMs) {
      if (dropOld.run(beforeMs).changes > 0) kept = count();
    },
  };
}

/** As a part of its row; nothing where none was captured, or it has gone. */
export function bodiesOf(db: SqlStore, n: number): { bodies?: CapturedBodies } {
  const said = db.prepare("SELECT said FROM body WHERE n = ?").get(n)?.said;
  return typeof said === "string" ? { bodies: JSON.parse(said) as CapturedBodies } : {};
}

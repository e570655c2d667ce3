/**
 * Escrow's journal in the replica's one local database, so that a settlement is one write with its usage event and its
 * link of the audit chain.
 */
import type { LogBatch } from "../../ports.ts";
import type { SqlStore } from "./sql.ts";

export const ESCROW_SCHEMA = `
CREATE TABLE IF NOT EXISTS escrow (n INTEGER PRIMARY KEY, line TEXT NOT NULL) STRICT;
`;

/** Writes what a batch brings; to be called inside its transaction. */
export function createEscrowWriting(db: SqlStore): (escrow: NonNullable<LogBatch["escrow"]>) => void {
  const insert = db.prepare("INSERT INTO escrow (line) VALUES (?)");
  const clear = db.prepare("DELETE FROM escrow");
  return ({ lines, anew }) => {
    if (anew) clear.run();
    for (const line of lines) insert.run(line);
  };
}

/** The whole journal, oldest first. */
export function readEscrowLines(db: SqlStore): string[] {
  return db
    .prepare("SELECT line FROM escrow ORDER BY n")
    .all()
    .map(({ line }) => String(line));
}

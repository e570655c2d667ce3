/**
 * Which rows are of which request. Ids are random, so an index that is kept up with every commit touches a page of its own
 * for nearly every row, and costs more than all else that is written. Rows are indexed thousands at a time instead, in
 * the order of the index; the few that are newer are looked through.
 */
import type { SqlStore } from "./sql.ts";

export const REQUESTS_SCHEMA = `
CREATE TABLE IF NOT EXISTS request (
  id TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (id, n)
) STRICT, WITHOUT ROWID;
`;

/** To look through so many takes about ten milliseconds; to index them holds up a commit for about thirty. */
const INDEXED_AT_ONCE = 8_192;

const INDEXED = "(SELECT coalesce(max(value), 0) FROM meta WHERE name = 'indexedN')";

/** The numbers of a request's rows; the id is bound twice. */
export const ROWS_OF_REQUEST = `SELECT n FROM request WHERE id = ?
  UNION ALL SELECT n FROM entry WHERE n > ${INDEXED} AND json_extract(log, '$.requestId') = ?`;

/** Those of some requests, as a JSON list that is bound twice. */
export const ROWS_OF_REQUESTS = `SELECT n FROM request WHERE id IN (SELECT value FROM json_each(?))
  UNION ALL SELECT n FROM entry WHERE n > ${INDEXED}
  AND json_extract(log, '$.requestId') IN (SELECT value FROM json_each(?))`;

/**
 * To be called after each commit with the number of its last row. Never throws: a disk that takes nothing now only means
 * that more rows are looked through until it does.
 */
export function createIndexing(db: SqlStore): (lastN: number) => void {
  let indexedN = Number(db.prepare(`SELECT ${INDEXED} AS n`).get()?.n ?? 0);
  const add = db.prepare(
    `INSERT OR IGNORE INTO request (id, n) SELECT json_extract(log, '$.requestId') AS id, n FROM entry
     WHERE n > ? AND n <= ? AND log IS NOT NULL ORDER BY id`,
  );
  const remember = db.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('indexedN', ?)");
  return (lastN) => {
    if (lastN - indexedN < INDEXED_AT_ONCE) return;
    const upToN = indexedN + INDEXED_AT_ONCE;
    try {
      db.tx(() => {
        add.run(indexedN, upToN);
        remember.run(upToN);
      });
      indexedN = upToN;
    } catch {
      // The next commit tries again.
    }
  };
}

/** Forgets the rows up to `n`, which are about to go; inside the transaction that lets them go. */
export function forgetRequests(db: SqlStore, n: number): void {
  db.prepare(
    `DELETE FROM request WHERE (id, n) IN
     (SELECT json_extract(log, '$.requestId'), n FROM entry WHERE n <= ? AND log IS NOT NULL)`,
  ).run(n);
}

/** What is asked of the replica's local database; nothing here writes. */
import type { AuditRow, LogQuestion, LogRow } from "@claviger/shared/wire/query";
import { bodiesOf } from "./bodies.ts";
import { questionSql } from "./query.ts";
import { ROWS_OF_REQUESTS } from "./requests.ts";
import { auditRow, KINDS, logRow, type Row } from "./rows.ts";
import type { SqlStore } from "./sql.ts";

export function query(db: SqlStore, question: LogQuestion): (LogRow | AuditRow)[] {
  const { sql, values } = questionSql(question);
  const rows = db.prepare(sql).all(...values) as unknown as Row[];
  if (question.kind === "audit") return rows.map(auditRow);
  const wantsBodies = question.bodies === true && question.requestId !== undefined;
  return rows.map((row) => ({ ...logRow(row), ...(wantsBodies ? bodiesOf(db, row.n) : {}) }));
}

export function settledAmong(db: SqlStore, requestIds: readonly string[]): string[] {
  const ids = JSON.stringify(requestIds);
  return db
    .prepare(
      `SELECT json_extract(log, '$.requestId') || coalesce('.' || json_extract(log, '$.attempt'), '') AS id
      FROM entry WHERE kind = ${KINDS.settled}
      AND n IN (${ROWS_OF_REQUESTS})`,
    )
    .all(ids, ids)
    .map(({ id }) => String(id));
}

/** Epochs that may have followed one another between two changes. */
const EPOCHS_MAX = 16;

/** Changes come in without a gap, or by a snapshot: a later one is the next one, or one that a snapshot reached. */
export function knowsLater(db: SqlStore, epoch: number, rev: number): boolean {
  const next = Array.from({ length: EPOCHS_MAX }, (_, later) => `change.${epoch + later}.${rev + 1}`);
  const changed = db.prepare("SELECT 1 FROM entry WHERE change IN (SELECT value FROM json_each(?)) LIMIT 1");
  if (changed.get(JSON.stringify(next)) !== undefined) return true;
  const snapshots = db.prepare(
    "SELECT change FROM entry WHERE change >= 'snapshot.' AND change < 'snapshot/'",
  );
  return snapshots.all().some(({ change }) => {
    const [, itsEpoch = 0, itsRev = 0] = String(change).split(".").map(Number);
    return itsEpoch > epoch || (itsEpoch === epoch && itsRev > rev);
  });
}

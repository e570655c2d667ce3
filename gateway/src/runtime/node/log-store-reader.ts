/** The thread that reads what `log-store-worker.ts` writes, on a connection of its own that cannot write. */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { LogQuestion } from "@claviger/shared/wire/query";
import { bodiesOf } from "./log-store-bodies.ts";
import { questionSql } from "./log-store-query.ts";
import { ROWS_OF_REQUESTS } from "./log-store-requests.ts";
import { auditRow, KINDS, logRow, type Row } from "./log-store-rows.ts";
import type { Reply } from "./log-store-thread.ts";
import { walkChain } from "./log-store-verify.ts";

export type ReadRequest =
  | { readonly id: number; readonly op: "query"; readonly question: LogQuestion }
  | { readonly id: number; readonly op: "settledAmong"; readonly requestIds: readonly string[] }
  | { readonly id: number; readonly op: "knowsLater"; readonly epoch: number; readonly rev: number }
  | { readonly id: number; readonly op: "verify" | "close" };

const db = new DatabaseSync(String(workerData.path), { readOnly: true, timeout: 5000 });

function query(question: LogQuestion): unknown {
  const { sql, values } = questionSql(question);
  const rows = db.prepare(sql).all(...values) as unknown as Row[];
  if (question.kind === "audit") return rows.map(auditRow);
  const wantsBodies = question.bodies === true && question.requestId !== undefined;
  return rows.map((row) => ({ ...logRow(row), ...(wantsBodies ? bodiesOf(db, row.n) : {}) }));
}

function settledAmong(requestIds: readonly string[]): unknown[] {
  const ids = JSON.stringify(requestIds);
  return db
    .prepare(
      `SELECT json_extract(log, '$.requestId') || coalesce('.' || json_extract(log, '$.attempt'), '') AS id
      FROM entry WHERE kind = ${KINDS.settled}
      AND n IN (${ROWS_OF_REQUESTS})`,
    )
    .all(ids, ids)
    .map(({ id }) => id);
}

/** Epochs that may have followed one another between two changes. */
const EPOCHS_MAX = 16;

/** Changes come in without a gap, or by a snapshot: a later one is the next one, or one that a snapshot reached. */
function knowsLater(epoch: number, rev: number): boolean {
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

function run(request: ReadRequest): unknown {
  switch (request.op) {
    case "query":
      return query(request.question);
    case "settledAmong":
      return settledAmong(request.requestIds);
    case "knowsLater":
      return knowsLater(request.epoch, request.rev);
    case "verify":
      return walkChain(db, String(workerData.root)).brokenN;
    case "close":
      db.close();
      return undefined;
  }
}

parentPort?.on("message", (request: ReadRequest) => {
  let reply: Reply;
  try {
    reply = { id: request.id, value: run(request) };
  } catch (error) {
    reply = { id: request.id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
});

/**
 * The thread that writes to SQLite: it takes batches and answers once per commit, so that no disk ever holds up a
 * request. One table holds request log, audit chain and usage outbox; a settled request is one row. Questions are
 * answered by another thread (`log-store-reader.ts`), so that none holds up a commit.
 */
import { hash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { LogBatch, LogHeads, TrimOrder } from "../../ports.ts";
import { createKeeping } from "./log-store-bodies.ts";
import { createIndexing } from "./log-store-requests.ts";
import {
  BODIES,
  CHAINED,
  type FlatEntry,
  INSERT_COLUMNS,
  IS_USAGE,
  type Row,
  SCHEMA,
  usageEvent,
} from "./log-store-rows.ts";
import type { Reply } from "./log-store-thread.ts";
import { trim } from "./log-store-trim.ts";
import { createEscrowWriting, ESCROW_SCHEMA, readEscrowLines } from "./spend-journal.ts";

export type Request =
  | {
      readonly id: number;
      readonly op: "append";
      readonly entries: readonly FlatEntry[];
      readonly usageCursor: number;
      readonly escrow: LogBatch["escrow"];
    }
  | { readonly id: number; readonly op: "usageAfter"; readonly cursor: number; readonly limit: number }
  | { readonly id: number; readonly op: "trim"; readonly order: TrimOrder }
  | { readonly id: number; readonly op: "heads" | "escrowLines" | "close" };

const db = new DatabaseSync(String(workerData.path));
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;");
db.exec(SCHEMA);
db.exec(ESCROW_SCHEMA);

const CHANGE = INSERT_COLUMNS.indexOf("change");
const AT_MS = INSERT_COLUMNS.indexOf("at_ms");
const insert = db.prepare(
  `INSERT INTO entry (${INSERT_COLUMNS.join(", ")}) VALUES (${INSERT_COLUMNS.map(() => "?").join(", ")})`,
);
const hasChange = db.prepare("SELECT 1 FROM entry WHERE change = ?");
const remember = db.prepare(
  "INSERT INTO meta (name, value) VALUES ('usageCursor', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
);

const indexRequests = createIndexing(db);
const bodies = createKeeping(db, Number(workerData.bodyBytesMax));
const writeEscrow = createEscrowWriting(db);
let lastN = 0;

let heads: LogHeads = readHeads();

function readHeads(): LogHeads {
  const last = db
    .prepare("SELECT audit_n, hash FROM entry WHERE audit_n IS NOT NULL ORDER BY audit_n DESC LIMIT 1")
    .get();
  const seq = db.prepare("SELECT seq FROM entry WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1").get();
  const anchor = db.prepare("SELECT audit_n, hash FROM anchor").get();
  const meta = (name: string) =>
    Number(db.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.value ?? 0);
  const usageCursor = meta("usageCursor");
  return {
    auditN: Number(last?.audit_n ?? anchor?.audit_n ?? 0),
    auditHead: String(last?.hash ?? anchor?.hash ?? workerData.root),
    // Never below what the control plane has: a disk that was rolled back must not give a number twice.
    usageNextSeq: Math.max(Number(seq?.seq ?? 0), meta("trimmedSeq"), usageCursor) + 1,
    usageCursor,
  };
}

function append({ entries, usageCursor, escrow }: Extract<Request, { op: "append" }>): LogHeads {
  const next = { ...heads, usageCursor, usageNextSeq: Math.max(heads.usageNextSeq, usageCursor + 1) };
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const entry of entries) lastN = insertEntry(entry, next) ?? lastN;
    if (escrow !== undefined) writeEscrow(escrow);
    if (usageCursor !== heads.usageCursor) remember.run(usageCursor);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    bodies.recount();
    throw error;
  }
  heads = next;
  return heads;
}

/** The next link of the chain; moves the head. */
function chain(text: string, next: LogHeads): [number, string] {
  next.auditN++;
  const previous = Buffer.from(next.auditHead, "base64url");
  next.auditHead = hash("sha256", Buffer.concat([previous, Buffer.from(text)]), "base64url");
  return [next.auditN, next.auditHead];
}

/** The number of its row; undefined when it was passed over. */
function insertEntry(entry: FlatEntry, next: LogHeads): number | undefined {
  const change = entry[CHANGE];
  if (typeof change === "string" && hasChange.get(change) !== undefined) return undefined;
  const text = entry[CHAINED];
  const [auditN, head] = typeof text === "string" ? chain(text, next) : [null, null];
  const seq = entry[IS_USAGE] === 1 ? next.usageNextSeq++ : null;
  const n = Number(insert.run(...entry.slice(0, CHAINED), auditN, head, seq).lastInsertRowid);
  const said = entry[BODIES];
  if (typeof said === "string") bodies.keep(n, Number(entry[AT_MS]), said);
  return n;
}

/** Couriers carry a message of 1 MB; an event alone is far below this. */
const BATCH_BYTES_MAX = 700_000;

function usageAfter(cursor: number, limit: number): { body: Uint8Array; lastSeq: number } | undefined {
  const rows = db
    .prepare("SELECT * FROM entry WHERE seq > ? ORDER BY seq LIMIT ?")
    .all(cursor, limit) as unknown as Row[];
  const events: string[] = [];
  let bytes = 0;
  let lastSeq = 0;
  for (const row of rows) {
    const event = JSON.stringify(usageEvent(row));
    bytes += Buffer.byteLength(event) + 1;
    if (events.length > 0 && bytes > BATCH_BYTES_MAX) break;
    events.push(event);
    lastSeq = Number(row.seq);
  }
  if (events.length === 0) return undefined;
  // Only what was acknowledged ever goes, so a hole is older than the cursor that there once was.
  const before = Number(rows[0]?.seq) - 1;
  const gone = before > cursor ? `,"goneUpTo":${before}` : "";
  const body = new TextEncoder().encode(`{"v":1,"events":[${events.join(",")}]${gone}}`);
  return { body, lastSeq };
}

function run(request: Request): unknown {
  switch (request.op) {
    case "append":
      return append(request);
    case "usageAfter":
      return usageAfter(request.cursor, request.limit);
    case "trim":
      bodies.forget(request.order.bodiesBeforeMs);
      return trim(db, request.order);
    case "heads":
      return heads;
    case "escrowLines":
      return readEscrowLines(db);
    case "close":
      db.close();
      return undefined;
  }
}

parentPort?.on("message", (request: Request) => {
  let reply: Reply;
  try {
    reply = { id: request.id, value: run(request) };
  } catch (error) {
    reply = { id: request.id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
  if (request.op === "append") indexRequests(lastN);
});

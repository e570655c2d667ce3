/**
 * The thread that writes to SQLite: it takes batches and answers once per commit, so that no disk ever holds up a
 * request. Questions are answered by another thread (`log-store-reader.ts`), so that none holds up a commit.
 */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { type FlatBatch, LogWriting } from "../../logs/store/writing.ts";
import type { TrimOrder } from "../../ports.ts";
import { link, nodeSql } from "./log-store-sql.ts";
import type { Reply } from "./log-store-thread.ts";

export type Request =
  | ({ readonly id: number; readonly op: "append" } & FlatBatch)
  | { readonly id: number; readonly op: "usageAfter"; readonly cursor: number; readonly limit: number }
  | { readonly id: number; readonly op: "trim"; readonly order: TrimOrder }
  | { readonly id: number; readonly op: "heads" | "escrowLines" | "close" };

const db = new DatabaseSync(String(workerData.path));
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;");
const log = new LogWriting(nodeSql(db), link, String(workerData.root), Number(workerData.bodyBytesMax));

function run(request: Request): unknown {
  switch (request.op) {
    case "append":
      return log.append(request);
    case "usageAfter":
      return log.usageAfter(request.cursor, request.limit);
    case "trim":
      return log.trim(request.order);
    case "heads":
      return log.heads;
    case "escrowLines":
      return log.escrowLines();
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
  if (request.op === "append") log.index();
});

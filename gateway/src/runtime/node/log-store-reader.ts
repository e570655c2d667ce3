/** The thread that reads what `log-store-worker.ts` writes, on a connection of its own that cannot write. */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { LogQuestion } from "@claviger/shared/wire/query";
import { knowsLater, query, settledAmong } from "../../logs/store/reading.ts";
import { walkChain } from "../../logs/store/verify.ts";
import { link, nodeSql } from "./log-store-sql.ts";
import type { Reply } from "./log-store-thread.ts";

export type ReadRequest =
  | { readonly id: number; readonly op: "query"; readonly question: LogQuestion }
  | { readonly id: number; readonly op: "settledAmong"; readonly requestIds: readonly string[] }
  | { readonly id: number; readonly op: "knowsLater"; readonly epoch: number; readonly rev: number }
  | { readonly id: number; readonly op: "verify" | "close" };

const db = new DatabaseSync(String(workerData.path), { readOnly: true, timeout: 5000 });
const sql = nodeSql(db);

function run(request: ReadRequest): unknown {
  switch (request.op) {
    case "query":
      return query(sql, request.question);
    case "settledAmong":
      return settledAmong(sql, request.requestIds);
    case "knowsLater":
      return knowsLater(sql, request.epoch, request.rev);
    case "verify":
      return walkChain(sql, link, String(workerData.root)).brokenN;
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

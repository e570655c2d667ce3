/** `LogStore` on Node: messages to the thread that SQLite lives in. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import type { LogStore } from "../../ports.ts";
import { flatEntry } from "./log-store-rows.ts";
import type { Reply, Request } from "./log-store-worker.ts";

type Ask = Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Opens or makes the database at `path`. A store whose thread has ended rejects every call. */
export async function openLogStore(path: string): Promise<LogStore> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const worker = new Worker(new URL("./log-store-worker.ts", import.meta.url), { workerData: { path } });
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let dead: Error | undefined;
  const fail = (error: Error) => {
    dead ??= error;
    for (const each of waiting.values()) each.reject(dead);
    waiting.clear();
  };
  worker.on("message", (reply: Reply) => {
    const each = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error === undefined) each?.resolve(reply.value);
    else each?.reject(new Error(reply.error));
  });
  worker.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", () => fail(new Error("the log store is closed")));
  const ask = <T>(request: Ask): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (dead !== undefined) return reject(dead);
      const id = ++last;
      waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      worker.postMessage({ ...request, id });
    });
  const store: LogStore = {
    append: ({ entries, usageCursor }) => ask({ op: "append", entries: entries.map(flatEntry), usageCursor }),
    query: (question) => ask({ op: "query", question }),
    usageAfter: (cursor, limit) => ask({ op: "usageAfter", cursor, limit }),
    verify: () => ask({ op: "verify" }),
    heads: () => ask({ op: "heads" }),
    async close() {
      if (dead !== undefined) return;
      await ask({ op: "close" });
      await worker.terminate();
    },
  };
  await store.heads();
  return store;
}

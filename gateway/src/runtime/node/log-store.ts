/** `LogStore` on Node: one thread that writes to SQLite, and one that reads, so that no question holds up a commit. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { chainRoot } from "../../logs/chain.ts";
import { flatEntry } from "../../logs/store/rows.ts";
import type { LogStore } from "../../ports.ts";
import type { ReadRequest } from "./log-store-reader.ts";
import { startThread } from "./log-store-thread.ts";
import type { Request } from "./log-store-worker.ts";

export const BODY_BYTES_MAX = 500_000_000;

/** Opens or makes the log of that replica at `path`. A store whose thread has ended rejects every call. */
export async function openLogStore(
  path: string,
  replicaId: string,
  bodyBytesMax = BODY_BYTES_MAX,
): Promise<LogStore> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = { path, root: await chainRoot(replicaId), bodyBytesMax };
  const writer = startThread<Request>(new URL("./log-store-worker.ts", import.meta.url), file);
  // The reader finds the tables there.
  await writer.ask({ op: "heads" });
  const reader = startThread<ReadRequest>(new URL("./log-store-reader.ts", import.meta.url), file);
  return {
    append: ({ entries, usageCursor, escrow }) =>
      writer.ask({ op: "append", entries: entries.map(flatEntry), usageCursor, escrow }),
    escrowLines: () => writer.ask({ op: "escrowLines" }),
    query: (question) => reader.ask({ op: "query", question }),
    settledAmong: async (requestIds) =>
      new Set(await reader.ask<string[]>({ op: "settledAmong", requestIds })),
    knowsLater: ({ epoch, rev }) => reader.ask({ op: "knowsLater", epoch, rev }),
    usageAfter: (cursor, limit) => writer.ask({ op: "usageAfter", cursor, limit }),
    trim: (order) => writer.ask({ op: "trim", order }),
    verify: () => reader.ask({ op: "verify" }),
    heads: () => writer.ask({ op: "heads" }),
    async close() {
      await reader.close({ op: "close" });
      await writer.close({ op: "close" });
    },
  };
}

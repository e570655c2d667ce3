/** `LogStore` in the object's storage: synchronous beneath, and said to be done when it is on disk. */
import { knowsLater, query, settledAmong } from "../../logs/store/reading.ts";
import { flatEntry } from "../../logs/store/rows.ts";
import { walkChain } from "../../logs/store/verify.ts";
import { LogWriting } from "../../logs/store/writing.ts";
import type { LogStore } from "../../ports.ts";
import { link, objectSql } from "./sql.ts";

/** What captured bodies may take, of the 10 GB that an object has. */
const BODY_BYTES_MAX = 500_000_000;

export function openLogStore(storage: DurableObjectStorage, root: string): LogStore {
  const sql = objectSql(storage);
  const log = new LogWriting(sql, link, root, BODY_BYTES_MAX);
  return {
    async append({ entries, usageCursor, escrow }) {
      const heads = log.append({ entries: entries.map(flatEntry), usageCursor, escrow });
      await storage.sync();
      log.index();
      return heads;
    },
    escrowLines: async () => log.escrowLines(),
    query: async (question) => query(sql, question),
    settledAmong: async (requestIds) => new Set(settledAmong(sql, requestIds)),
    knowsLater: async ({ epoch, rev }) => knowsLater(sql, epoch, rev),
    usageAfter: async (cursor, limit) => log.usageAfter(cursor, limit),
    trim: async (order) => log.trim(order),
    verify: async () => walkChain(sql, link, root).brokenN,
    heads: async () => log.heads,
    close: async () => undefined,
  };
}

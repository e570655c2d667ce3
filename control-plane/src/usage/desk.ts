/**
 * Where questions about usage wait their turn, of one process. The bargain: however long the ranges that an organization
 * asks for, it holds two of the process's database connections and each for half a minute at most; the rest are others'.
 */
import { problem } from "@claviger/shared/api/problem";
import { sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { createSlots } from "../fleet/slots.ts";
import type { Ports } from "../ports.ts";

/** Of one organization: under way at once, and waiting behind them. */
const AT_ONCE_MAX = 2;
const WAITING_MAX = 16;
/** The longest that PostgreSQL works on one of them, in milliseconds. */
const WORK_MS_MAX = 30_000;
/** What PostgreSQL says of a statement that took too long (`query_canceled`). */
const CANCELED = "57014";

const inSlot = createSlots(AT_ONCE_MAX);
const asked = new Map<string, number>();

/**
 * Runs `work` when it is the organization's turn. Throws 429 when too many wait already, and 503 when it took longer than
 * `workMsMax`. What `goesOn` was let in before, and is not turned away in the middle.
 */
export async function askUsage<T>(
  { db }: Pick<Ports, "db">,
  orgId: string,
  work: (tx: Queryable) => Promise<T>,
  { goesOn = false, workMsMax = WORK_MS_MAX } = {},
): Promise<T> {
  const before = asked.get(orgId) ?? 0;
  if (before >= AT_ONCE_MAX + WAITING_MAX && !goesOn) {
    const detail = "Too many questions about usage at this moment. Try again in a few seconds.";
    throw problem("rate_limit_exceeded", detail, { retryAfterSeconds: 5 });
  }
  asked.set(orgId, before + 1);
  try {
    return await inSlot(orgId, () =>
      db.transaction(async (tx) => {
        await tx.execute(sql`select set_config('statement_timeout', ${String(workMsMax)}::text, true)`);
        return work(tx);
      }),
    );
  } catch (error) {
    if (!isCanceled(error)) throw error;
    const detail = `This took longer than ${workMsMax / 1000} s. Ask for a shorter range, a longer interval or fewer groups.`;
    throw problem("database_unavailable", detail, { retryAfterSeconds: 5 });
  } finally {
    const left = (asked.get(orgId) ?? 1) - 1;
    if (left > 0) asked.set(orgId, left);
    else asked.delete(orgId);
  }
}

function isCanceled(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && at.code === CANCELED) return true;
  }
  return false;
}

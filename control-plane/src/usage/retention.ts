/**
 * Single usage events are dropped when they are older than an installation keeps them. Nothing is counted from them again:
 * roll-ups, the figures of keys and budgets, and the cursor of each replica stand by themselves.
 */
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";

/** Dropped in one statement, so that nobody waits for a long one. */
const BATCH = 5_000;
/** In one run and for one organization; the next run goes on. */
const BATCHES_MAX = 200;

/** Drops events of requests that were made more than so many days ago. */
export async function pruneEvents({ db }: Pick<Ports, "db">, days: number): Promise<void> {
  const organizations = await db.execute<{ org_id: string }>(sql`select org_id from org_head`);
  for (const { org_id: orgId } of organizations) {
    for (let nth = 0; nth < BATCHES_MAX; nth++) {
      const [row] = await db.execute<{ n: number }>(sql`
        with old as (
          select replica_id, seq from usage_event
          where org_id = ${orgId} and at < clock_timestamp() - ${days} * interval '1 day' limit ${BATCH}),
        gone as (
          delete from usage_event e using old where e.replica_id = old.replica_id and e.seq = old.seq returning 1)
        select count(*)::int as n from gone`);
      if ((row?.n ?? 0) < BATCH) break;
    }
  }
}

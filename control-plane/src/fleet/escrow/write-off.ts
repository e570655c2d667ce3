/**
 * Slices of lost gateways (PROTOCOL §2.8, "Lost replica"): after a day what they hold counts as spent, until they come
 * back and prove less. Nothing returns because time has passed.
 */
import { writeOff } from "@claviger/shared/escrow/settle-slices";
import { sql } from "drizzle-orm";
import type { Ports } from "../../ports.ts";
import { Books } from "./books.ts";
import { readSlices } from "./slices.ts";
import { lockWindows } from "./windows.ts";

/** So long nothing was heard of a replica, in hours. */
const LOST_HOURS = 24;
/** Closed slices are kept as long as changes are, in days; a slice that comes after that is put back (`show.ts`). */
const KEPT_DAYS = 35;
/** Windows of one sweep; the next one goes on. */
const WINDOWS_MAX = 500;

/** Writes off what lost replicas hold, window by window, and drops closed slices that nobody can name any more. */
export async function sweepSlices({ db, log }: Pick<Ports, "db" | "log">): Promise<void> {
  const windows = await db.execute<{
    org_id: string;
    budget_id: string;
    start_ms: string;
    ids: string[];
  }>(sql`
    select s.org_id, s.budget_id, s.start_ms, jsonb_agg(distinct s.replica_id) as ids
    from slice s left join replica r on r.id = s.replica_id
    where s.state = 'open' and (r.id is null
      or coalesce(r.last_seen, r.enrolled_at) < clock_timestamp() - ${LOST_HOURS} * interval '1 hour')
    group by s.org_id, s.budget_id, s.start_ms limit ${WINDOWS_MAX}`);
  for (const { org_id: orgId, budget_id: budget, start_ms, ids } of windows) {
    const window = { budget, startMs: Number(start_ms) };
    const lost = await db.transaction(async (tx) => {
      const rows = await lockWindows(tx, orgId, [window]);
      const slices = (await readSlices(tx, orgId, { window })).filter((one) => ids.includes(one.replica));
      const books = new Books(rows, slices);
      for (const { id } of slices) {
        const ledger = books.ledger(id);
        if (ledger !== undefined) books.put(writeOff(ledger));
      }
      await books.write(tx);
      return slices.reduce((sum, { amount, spent }) => sum + amount - spent, 0n);
    });
    const fields = { org: orgId, budget, replicas: ids, nanos: lost.toString() };
    log.warn({ alarm: "slices_lost", ...fields }, "money is held by gateways that are lost");
  }
  await db.execute(sql`
    delete from slice where state = 'closed' and changed_at < clock_timestamp() - ${KEPT_DAYS} * interval '1 day'`);
}

/** Giving signed changes to the bus. Publishing twice is harmless, and not at all is mended by heartbeats and sync. */
import { controlSubjects } from "@claviger/shared/wire/subjects";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";

export interface PublishedChange {
  orgId: string;
  /** The organization's NATS account. */
  account: string;
  epoch: number;
  rev: number;
  jws: string;
}

/** Publishes a committed change at once; without a bus the relay does it later. Never fails its caller. */
export function publishChange(ports: Ports, change: PublishedChange): void {
  // Never rejects, and nobody here waits for it.
  void ports.fleet.knock?.(change.orgId);
  if (!ports.bus.connected) return;
  ports.bus.publish(controlSubjects.deltas(change.account), change.jws);
  markPublished(ports, change).catch((error: unknown) => {
    ports.log.warn({ err: error, org: change.orgId, rev: change.rev }, "a published change was not marked");
  });
}

async function markPublished(ports: Ports, change: PublishedChange): Promise<void> {
  await ports.db.execute(sql`
    update org_change set published_at = clock_timestamp()
    where org_id = ${change.orgId} and epoch = ${change.epoch} and rev = ${change.rev} and published_at is null`);
}

/**
 * Publishes what nobody has yet, oldest first; returns how many. Rows younger than `ageMs` are left to their writer, and
 * rows that another process is publishing are skipped.
 */
export async function publishPending(ports: Ports, ageMs: number): Promise<number> {
  if (!ports.bus.connected) return 0;
  return ports.db.transaction(async (tx) => {
    const rows = await tx.execute<{
      org_id: string;
      epoch: number;
      rev: string;
      jws: string;
      account: string;
    }>(sql`
      select c.org_id, c.epoch, c.rev, c.jws, a.account
      from org_change c join org_account a using (org_id)
      where c.published_at is null and c.created_at < clock_timestamp() - ${ageMs} * interval '1 millisecond'
      order by c.created_at, c.rev limit 200 for update of c skip locked`);
    if (rows.length === 0) return 0;
    for (const row of rows) ports.bus.publish(controlSubjects.deltas(row.account), row.jws);
    const keys = rows.map((row) => ({ org_id: row.org_id, epoch: row.epoch, rev: Number(row.rev) }));
    await tx.execute(sql`
      update org_change c set published_at = clock_timestamp()
      from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as k (org_id text, epoch int, rev bigint)
      where c.org_id = k.org_id and c.epoch = k.epoch and c.rev = k.rev`);
    return rows.length;
  });
}

/** How fresh the figures are: what each gateway had said by its last heartbeat, against what has been counted. */
import type { UsageFreshness } from "@claviger/shared/api/usage";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";

/**
 * A gateway is complete to the earliest last heartbeat of its replicas, when all events that these told are counted. One
 * that was never heard has nothing to count.
 */
export async function usageFreshness(ports: Pick<Ports, "db">, orgId: string): Promise<UsageFreshness[]> {
  const rows = await ports.db.execute<{
    id: string;
    name: string;
    seen_ms: string | null;
    waiting: string;
  }>(sql`
    select g.id, g.name, floor(extract(epoch from min(r.last_seen)) * 1000) as seen_ms,
      sum(greatest(0, r.usage_next_seq - 1 - coalesce(c.seq, 0))) as waiting
    from gateway g join replica r on r.gateway_id = g.id and r.gone_at is null and r.last_seen is not null
      left join replica_cursor c on c.replica_id = r.id
    where g.org_id = ${orgId} and r.org_id = ${orgId}
    group by g.id, g.name order by g.name`);
  return rows.map(({ id, name, seen_ms: seenMs, waiting }) => ({
    gateway: name,
    gatewayId: id,
    completeTo: seenMs === null || Number(waiting) > 0 ? null : new Date(Number(seenMs)).toISOString(),
    waiting: Number(waiting),
  }));
}

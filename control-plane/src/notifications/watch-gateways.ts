/** Gateways none of whose replicas is heard of, and those that are heard again: once for each silence. */

import { sql } from "drizzle-orm";
import type { Tx } from "../fleet/journal.ts";
import { ASLEEP_MS_MAX } from "../gateways/fleet-state.ts";
import type { Ports } from "../ports.ts";
import { apart } from "./apart.ts";
import { rulesOfAll } from "./rules.ts";
import { tell } from "./tell.ts";

interface Heard extends Record<string, unknown> {
  readonly id: string;
  readonly org_id: string;
  readonly name: string;
  readonly region: string;
  readonly seen_ms: string;
  /** All of it are objects that may be asleep. */
  readonly sleeps: boolean;
  /** When it was last heard before the silence that was told last; null: none was, or its end was told too. */
  readonly silent_since: string | null;
}

/**
 * `listeningSinceMs`: since when somebody could have heard. A silence that began before, as after an outage of the control
 * plane itself, is only told when it has lasted from then on.
 */
export async function watchGateways(tx: Tx, ports: Ports, listeningSinceMs: number): Promise<void> {
  const nowMs = ports.clock.nowMs();
  const rows = await tx.execute<Heard>(sql`
    select g.id, g.org_id, g.name, g.region, floor(extract(epoch from max(r.last_seen)) * 1000)::bigint as seen_ms,
      bool_and(coalesce(r.runtime = 'workers', false)) as sleeps,
      (select n.data->>'lastSeenMs' from notification n
        where n.org_id = g.org_id and n.kind = 'gateway.offline' and n.data->>'gatewayId' = g.id
          and not exists (select 1 from notification b
            where b.org_id = g.org_id and b.occasion = replace(n.occasion, '/offline/', '/back/'))
        order by n.at desc limit 1) as silent_since
    from gateway g join replica r on r.gateway_id = g.id
    where g.gone_at is null and r.gone_at is null and r.last_seen is not null
    group by g.id`);
  if (rows.length === 0) return;
  const rulesOf = await rulesOfAll(tx);
  for (const row of rows) {
    const { enabled, afterSeconds } = rulesOf(row.org_id).gatewayOffline;
    if (!enabled) continue;
    const seenMs = Number(row.seen_ms);
    const silentMs = nowMs - Math.max(seenMs, listeningSinceMs);
    const isBack = row.silent_since !== null && seenMs > Number(row.silent_since);
    const isSilent = silentMs > Math.max(afterSeconds * 1000, row.sleeps ? ASLEEP_MS_MAX : 0);
    if (!isBack && !isSilent) continue;
    await apart(tx, ports, { orgId: row.org_id, gateway: row.id }, async (own) => {
      if (isBack) await tellBack(own, ports, row, Number(row.silent_since));
      if (isSilent) await tellOffline(own, ports, row, seenMs);
    });
  }
}

async function tellOffline(
  tx: Tx,
  ports: Ports,
  { id, org_id, name, region }: Heard,
  seenMs: number,
): Promise<void> {
  const lastSeen = new Date(seenMs).toISOString();
  await tell(tx, ports, {
    ...{ orgId: org_id, kind: "gateway.offline", occasion: `gateway/${id}/offline/${seenMs}` },
    title: `Gateway ${name} is offline`,
    text: `Nothing was heard of ${name} (${region}) since ${lastSeen}. It may still serve, as long as each key's staleness allows.`,
    data: { gatewayId: id, name, region, lastSeen, lastSeenMs: seenMs },
  });
}

async function tellBack(
  tx: Tx,
  ports: Ports,
  { id, org_id, name, region, seen_ms }: Heard,
  sinceMs: number,
): Promise<void> {
  await tell(tx, ports, {
    ...{ orgId: org_id, kind: "gateway.back", occasion: `gateway/${id}/back/${sinceMs}` },
    title: `Gateway ${name} is back`,
    text: `${name} (${region}) is heard again. It was silent since ${new Date(sinceMs).toISOString()}.`,
    data: { gatewayId: id, name, region, lastSeen: new Date(Number(seen_ms)).toISOString() },
  });
}

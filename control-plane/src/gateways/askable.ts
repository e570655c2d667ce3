/** Which replica to ask of each gateway, when what it has to say is the gateway's and not the replica's. */
import { notFound, problem } from "@claviger/shared/api/problem";
import { DOWN_AFTER_MS } from "@claviger/shared/sync/barrier";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";

export interface AskableGateway {
  /** Of the replica. */
  readonly id: string;
  readonly gatewayId: string;
  readonly name: string;
  readonly up: boolean;
}

/** Of each gateway, or of the one with this id or name, the replica that was heard of last; throws when there is none. */
export async function askableGateways(
  ports: Ports,
  orgId: string,
  gateway: string | undefined,
  without: string,
): Promise<AskableGateway[]> {
  const rows = await ports.db.execute<{ id: string; gateway_id: string; name: string; up: boolean }>(sql`
    select distinct on (g.name, g.id) r.id, g.id as gateway_id, g.name,
      coalesce(r.last_seen > clock_timestamp() - ${DOWN_AFTER_MS} * interval '1 millisecond', false) as up
    from replica r join gateway g on g.id = r.gateway_id
    where r.org_id = ${orgId} and r.gone_at is null
      ${gateway === undefined ? sql`` : sql`and ${gateway} in (g.id, g.name)`}
    order by g.name, g.id, r.last_seen desc nulls last`);
  if (rows.length === 0) {
    if (gateway !== undefined) throw notFound("gateway");
    throw problem("state_conflict", without);
  }
  return rows.map((row) => ({ id: row.id, gatewayId: row.gateway_id, name: row.name, up: row.up }));
}

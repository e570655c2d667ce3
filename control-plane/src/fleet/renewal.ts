/** What an answer to a heartbeat renews: the bus credential in its second half, and data keys after a rotation. */
import { and, eq, gt, isNull, sql } from "drizzle-orm";
import { dataKey } from "../db/tables/data-key.ts";
import { replica } from "../db/tables/replica.ts";
import type { Ports } from "../ports.ts";
import { mintReplicaJwt } from "./accounts.ts";
import { sealDataKeys } from "./data-key.ts";
import type { StoredReplica } from "./replica-rows.ts";

/** Renewed when it is known to live no longer than this, in milliseconds: half of its life. */
const RENEW_BELOW_MS = 43_200_000;
/** An answer can be lost and nothing acknowledges it, so it is given again after this long, in milliseconds. */
const REPEAT_AFTER_MS = 3_600_000;

/** The database's clock may be set back this far between an enrolment and a new key, in milliseconds; a key too many is no harm. */
const CLOCK_BACK_MS = 10_000;

export interface Renewals {
  natsJwt?: string;
  dataKeys?: string[];
}

/** Empty for nearly every heartbeat. */
export async function renewalsFor(
  ports: Ports,
  orgId: string,
  { id: replicaId, behind }: { id: string; behind: boolean },
  stored: StoredReplica,
): Promise<Renewals> {
  const renewals: Renewals = {};
  if (stored.natsJwtExpiresAtMs - ports.clock.nowMs() < RENEW_BELOW_MS) {
    const minted = await mintReplicaJwt(ports.db, ports, orgId, { id: replicaId, nkey: stored.nkey });
    // A detachment revokes what was minted before it, and one that has come before leaves no row.
    const rows = await ports.db
      .update(replica)
      .set({ natsJwtExpiresAt: new Date(ports.clock.nowMs() + RENEW_BELOW_MS + REPEAT_AFTER_MS) })
      .where(and(eq(replica.id, replicaId), isNull(replica.goneAt)))
      .returning({ id: replica.id });
    if (rows.length > 0) renewals.natsJwt = minted.jwt;
  }
  if (await hasNewDataKey(ports, orgId, stored, behind)) {
    const { gatewayId, sealKey } = stored;
    const dataKeys = await sealDataKeys(ports.db, ports, { orgId, gatewayId, replicaId, sealKey });
    if (dataKeys.length > 0) renewals.dataKeys = dataKeys;
  }
  return renewals;
}

/**
 * A data key made since the replica enrolled is sealed into every answer for a day, and to one that comes back later
 * until it has caught up: nothing acknowledges it, but records under it come after.
 */
async function hasNewDataKey(
  ports: Ports,
  orgId: string,
  stored: StoredReplica,
  behind: boolean,
): Promise<boolean> {
  const young = behind ? undefined : gt(dataKey.createdAt, sql`clock_timestamp() - interval '1 day'`);
  const sinceEnrolment = gt(dataKey.createdAt, new Date(stored.enrolledAtMs - CLOCK_BACK_MS));
  const [row] = await ports.db
    .select({ id: dataKey.id })
    .from(dataKey)
    .where(and(eq(dataKey.orgId, orgId), isNull(dataKey.retiredAt), sinceEnrolment, young))
    .limit(1);
  return row !== undefined;
}

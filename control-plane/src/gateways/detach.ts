import type { GatewayHoldings } from "@claviger/shared/api/gateway";
import type { ProviderRecord } from "@claviger/shared/wire/record";
import { and, eq, inArray, sql } from "drizzle-orm";
import { enrolmentToken } from "../db/tables/enrolment-token.ts";
import { gateway } from "../db/tables/gateway.ts";
import { orgRecord } from "../db/tables/org-record.ts";
import { replica } from "../db/tables/replica.ts";
import { revokeUsers } from "../fleet/accounts.ts";
import { createDataKey } from "../fleet/data-key.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findGateway, findReplicas } from "./find.ts";

/**
 * Detaches a gateway for good: its tokens are void, its replicas lose their bus credentials at once and get no more proofs. Each that can be
 * reached is told so and stops (`fleet/detachment.ts`); one that cannot refuses when its keys' staleness has passed. The answer says what it could read; the data key that it holds is
 * rotated as soon as the others have a new one.
 */
export function detachGateway(ports: Ports, caller: Caller, id: string): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const row = await findGateway(tx, orgId, id);
    const gone = { goneAt: sql`clock_timestamp()` };
    await tx.update(gateway).set(gone).where(eq(gateway.id, row.id));
    // A token outlives its gateway otherwise, and comes to life with the next gateway of this name.
    await tx.delete(enrolmentToken).where(eq(enrolmentToken.gatewayId, row.id));
    // Read after the lock on the gateway: who enrolled before it is here, and nobody enrols after it.
    const replicas = await findReplicas(tx, orgId, [row.id]);
    if (replicas.length > 0) {
      const ids = replicas.map((candidate) => candidate.id);
      await tx.update(replica).set(gone).where(inArray(replica.id, ids));
      const nkeys = replicas.map((candidate) => candidate.nkey);
      await revokeUsers(tx, ports, orgId, nkeys);
      await createDataKey(tx, ports, orgId);
    }
    return {
      resource: null,
      meta: { held: await holdingsOf(tx, orgId) },
      entry: {
        actor: caller.actor,
        action: "gateway.detach",
        effect: "restrictive",
        changes: [],
        keys: "all",
      },
    };
  });
}

async function holdingsOf(tx: Tx, orgId: string): Promise<GatewayHoldings> {
  const providers = await tx
    .select({ record: orgRecord.record })
    .from(orgRecord)
    .where(and(eq(orgRecord.orgId, orgId), eq(orgRecord.kind, "provider")));
  const keys = and(
    eq(orgRecord.orgId, orgId),
    eq(orgRecord.kind, "key"),
    sql`${orgRecord.record}->>'status' <> 'deleted'`,
  );
  return {
    llmApiKeys: providers.map(({ record }) => {
      const { id, name, provider, projectId } = record as ProviderRecord;
      return { id, name, provider, projectId };
    }),
    apiKeys: await tx.$count(orgRecord, keys),
  };
}

/** One token killed by its `jti`, while its parent and its siblings live. */
import type { Interrupt } from "@claviger/shared/api/api-key";
import { notFound } from "@claviger/shared/api/problem";
import type { Change } from "@claviger/shared/wire/record";
import { and, eq, sql } from "drizzle-orm";
import { apiKey } from "../db/tables/api-key.ts";
import { ephemeralToken } from "../db/tables/ephemeral-token.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision, operationAt, type Written } from "../idempotency/commit.ts";
import type { SystemScope } from "../keys/change.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { type TokenResource, tokenResource } from "./view.ts";

/** A gateway whose clock is behind must not forget a killed token before it knows that the token is over. */
const FORGOTTEN_AFTER_MS = 3_600_000;
/** Taken back in one change, so that no change grows with what came before it. */
const FORGOTTEN_MAX = 100;

/** Refused on every gateway from now on. Twice is once; one that is over stays as it is. */
export async function revokeToken(
  ports: Ports,
  caller: Caller | SystemScope,
  id: string,
  input: Interrupt,
): Promise<Changed<TokenResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx): Promise<Written<TokenResource>> => {
    const [found] = await tx
      .select({
        token: ephemeralToken,
        parent: { id: apiKey.id, kind: apiKey.kind, ownerId: apiKey.ownerId },
      })
      .from(ephemeralToken)
      .innerJoin(apiKey, eq(apiKey.id, ephemeralToken.keyId))
      .where(and(eq(ephemeralToken.orgId, orgId), eq(ephemeralToken.id, id)));
    if (found === undefined) throw notFound("ephemeral token");
    const { token, parent } = found;
    if ("memberId" in caller && parent.ownerId !== caller.memberId) requireRole(caller, "admin");
    const resource = tokenResource(token, parent);
    if (token.revokedRevision !== null) {
      const operationId = await operationAt(tx, orgId, token.revokedRevision);
      return { resource, entry: null, revision: token.revokedRevision, operationId, effect: "restrictive" };
    }
    const nowMs = ports.clock.nowMs();
    if (token.expiresAt.getTime() <= nowMs) return { resource, entry: null };
    const revision = await nextRevision(tx, orgId);
    const dead = { ...token, revokedRevision: revision };
    await tx.update(ephemeralToken).set({ revokedRevision: revision }).where(eq(ephemeralToken.id, id));
    const record = { id, keyId: parent.id, expiresAtMs: token.expiresAt.getTime() };
    const denial: Change = { op: "put", kind: "deny_jti", id, record };
    return {
      resource: tokenResource(dead, parent),
      entry: {
        actor: caller.actor,
        action: "ephemeral-token.revoke",
        effect: "restrictive",
        inflight: input.inflight ?? "abort",
        ...(input.reason === undefined ? {} : { reason: input.reason }),
        changes: [denial, ...(await forgotten(tx, orgId, nowMs))],
        keys: [parent.id],
      },
    };
  });
}

/** Killed tokens that have been over for so long that no gateway needs to know them. */
async function forgotten(tx: Tx, orgId: string, nowMs: number): Promise<Change[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    select id from org_record where org_id = ${orgId} and kind = 'deny_jti'
      and (record->>'expiresAtMs')::bigint < ${nowMs - FORGOTTEN_AFTER_MS}
    order by id limit ${FORGOTTEN_MAX}`);
  return rows.map(({ id }) => ({ op: "del", kind: "deny_jti", id }));
}

/**
 * The second look at a caller. The bargain: sign-in is looked at when a request's headers arrive, its body may come much
 * later; so what a request changes is decided by the role and the credential as they stand in the change's transaction.
 */
import { problem } from "@claviger/shared/api/problem";
import { cappedRole } from "@claviger/shared/api/role";
import { includesRole } from "@claviger/shared/api/role-rank";
import { and, eq, isNull } from "drizzle-orm";
import { member } from "../db/tables/member.ts";
import { organization } from "../db/tables/organization.ts";
import { personalAccessToken } from "../db/tables/personal-access-token.ts";
import { session } from "../db/tables/session.ts";
import type { Tx } from "../fleet/journal.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "./caller.ts";

/**
 * Throws unless the caller's session or token is still there, its organization is enabled and its role is still what the
 * route asks for and no lower than the verb believes. The member's row stays locked against a change of role until the
 * transaction ends.
 */
export async function requireStill(tx: Tx, ports: Ports, caller: Caller): Promise<void> {
  const [[row], [credential]] = await Promise.all([
    tx
      .select({ role: member.role, enabled: organization.enabled })
      .from(member)
      .innerJoin(organization, eq(organization.id, member.orgId))
      .where(and(eq(member.id, caller.memberId), isNull(member.deletedAt), isNull(member.disabledAt)))
      .for("share", { of: member }),
    credentialOf(tx, caller),
  ]);
  if (row === undefined || credential === undefined) throw ended(caller);
  if (credential.expiresAt !== null && credential.expiresAt.getTime() <= ports.clock.nowMs()) {
    throw caller.actor.kind === "token" ? problem("token_expired") : ended(caller);
  }
  if (!row.enabled) throw problem("organization_disabled");
  const role = cappedRole(row.role, caller.cap);
  requireRole({ role }, caller.needs);
  if (!includesRole(role, caller.role)) {
    throw problem("state_conflict", "Your role was lowered while this request was under way. Send it again.");
  }
}

function credentialOf(tx: Tx, caller: Caller): Promise<{ expiresAt: Date | null }[]> {
  const table = caller.actor.kind === "token" ? personalAccessToken : session;
  return tx.select({ expiresAt: table.expiresAt }).from(table).where(eq(table.id, caller.credentialId));
}

function ended(caller: Caller) {
  if (caller.actor.kind === "token") return problem("invalid_token");
  return problem("authentication_required", "The session has ended. Sign in again.");
}

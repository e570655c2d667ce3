import type { InvitationCreate } from "@claviger/shared/api/invitation";
import { ApiProblem } from "@claviger/shared/api/problem";
import { randomBase62 } from "@claviger/shared/key/base62";
import { hashSecret } from "@claviger/shared/key/secret";
import { and, eq, isNull } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { invitation } from "../db/tables/invitation.ts";
import { member } from "../db/tables/member.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { type InvitationResource, invitationResource, roleToGive, selectInvitations } from "./find.ts";

const DAYS_DEFAULT = 7;
const DAY_MS = 86_400_000;

/**
 * Invites an address. What opens the membership is in `secretKey`, once; a further invitation of the same address takes
 * the place of the one before. Nobody gives a role that they may not give to a member.
 */
export async function createInvitation(
  ports: Ports,
  caller: Caller,
  input: InvitationCreate,
): Promise<Changed<InvitationResource>> {
  requireRole(caller, roleToGive(input.role));
  const orgId = caller.organizationId;
  const nowMs = ports.clock.nowMs();
  const secretKey = randomBase62(ports.random, 43);
  const tokenHash = await hashSecret(secretKey);
  return commit(ports, caller, async (tx) => {
    const [taken] = await tx
      .select({ id: member.id })
      .from(member)
      .where(and(eq(member.orgId, orgId), eq(member.email, input.email), isNull(member.deletedAt)));
    if (taken !== undefined) {
      const detail = "There is a member with this e-mail address.";
      throw new ApiProblem([{ code: "name_conflict", detail, pointer: "/data/attributes/email" }]);
    }
    await tx.delete(invitation).where(and(eq(invitation.orgId, orgId), eq(invitation.email, input.email)));
    const id = newId(ports.random, "inv");
    await tx.insert(invitation).values({
      id,
      orgId,
      email: input.email,
      role: input.role,
      tokenHash,
      invitedBy: caller.memberId,
      createdAt: new Date(nowMs),
      expiresAt: new Date(nowMs + (input.expiresInDays ?? DAYS_DEFAULT) * DAY_MS),
    });
    const [facts] = await selectInvitations(tx, eq(invitation.id, id));
    if (facts === undefined) throw new Error("an invitation that was just made is not there");
    return {
      resource: invitationResource(facts, nowMs),
      entry: { actor: caller.actor, action: "invitation.create", effect: "neutral", changes: [], keys: [] },
      revision: await nextRevision(tx, orgId),
      secretKey,
    };
  });
}

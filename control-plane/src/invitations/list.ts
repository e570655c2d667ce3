import { notFound } from "@claviger/shared/api/problem";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq } from "drizzle-orm";
import { invitation } from "../db/tables/invitation.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { type InvitationResource, invitationResource, selectInvitations } from "./find.ts";

/** The organization's invitations that were neither accepted nor withdrawn, oldest first: there are dozens at most. */
export async function listInvitations(ports: Ports, caller: Caller): Promise<Page<InvitationResource>> {
  const rows = await selectInvitations(ports.db, eq(invitation.orgId, caller.organizationId));
  const nowMs = ports.clock.nowMs();
  const resources = rows.map((facts) => invitationResource(facts, nowMs));
  return { resources, next: null, total: resources.length };
}

/** Withdraws an invitation: its link is dead with the answer. */
export function deleteInvitation(ports: Ports, caller: Caller, id: string): Promise<Changed> {
  const mine = and(eq(invitation.orgId, caller.organizationId), eq(invitation.id, id));
  return commit(ports, caller, async (tx) => {
    const gone = await tx.delete(invitation).where(mine).returning({ id: invitation.id });
    if (gone.length === 0) throw notFound("invitation");
    return {
      resource: null,
      entry: { actor: caller.actor, action: "invitation.revoke", effect: "neutral", changes: [], keys: [] },
    };
  });
}

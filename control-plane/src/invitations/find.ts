/** Reading invitations. An invitation stands on the right of whoever invited: when that is gone, its link opens nothing. */
import type { InvitationView } from "@claviger/shared/api/invitation";
import type { Resource } from "@claviger/shared/api/resource";
import type { Role } from "@claviger/shared/api/role";
import { includesRole } from "@claviger/shared/api/role-rank";
import { eq, type SQL } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { invitation } from "../db/tables/invitation.ts";
import { member } from "../db/tables/member.ts";
import { organization } from "../db/tables/organization.ts";

export type InvitationResource = Resource<InvitationView>;

export interface InvitationFacts {
  readonly invitation: typeof invitation.$inferSelect;
  readonly inviter: typeof member.$inferSelect;
  readonly organization: { readonly name: string; readonly enabled: boolean };
}

/** Invitations with what their view needs, oldest first. */
export function selectInvitations(db: Queryable, where: SQL | undefined): Promise<InvitationFacts[]> {
  return db
    .select({
      invitation,
      inviter: member,
      organization: { name: organization.name, enabled: organization.enabled },
    })
    .from(invitation)
    .innerJoin(member, eq(member.id, invitation.invitedBy))
    .innerJoin(organization, eq(organization.id, invitation.orgId))
    .where(where)
    .orderBy(invitation.createdAt, invitation.id);
}

/** Who may give a role: owners make owners, admins everybody else. */
export function roleToGive(role: Role): Role {
  return role === "owner" ? "owner" : "admin";
}

export function statusOf(
  { invitation: row, inviter }: InvitationFacts,
  nowMs: number,
): InvitationView["status"] {
  if (row.expiresAt.getTime() <= nowMs) return "expired";
  const stands = inviter.deletedAt === null && inviter.disabledAt === null;
  return stands && includesRole(inviter.role, roleToGive(row.role)) ? "open" : "void";
}

export function invitationResource(facts: InvitationFacts, nowMs: number): InvitationResource {
  const { id, email, role, createdAt, expiresAt } = facts.invitation;
  return {
    type: "invitation",
    id,
    attributes: {
      email,
      role,
      organizationName: facts.organization.name,
      invitedBy: facts.inviter.name,
      createdAt: createdAt.toISOString(),
      expiresAt: expiresAt.toISOString(),
      status: statusOf(facts, nowMs),
    },
  };
}

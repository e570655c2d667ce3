import type { Resource } from "@claviger/shared/api/resource";
import type { SessionView } from "@claviger/shared/api/session";
import type { member } from "../db/tables/member.ts";
import type { organization } from "../db/tables/organization.ts";
import type { session } from "../db/tables/session.ts";

export type SessionResource = Resource<SessionView>;

export interface SessionFacts {
  readonly session: typeof session.$inferSelect;
  readonly member: typeof member.$inferSelect;
  readonly organization: typeof organization.$inferSelect;
}

/** The public form; `currentId` is the session that asks. */
export function sessionResource(facts: SessionFacts, currentId: string): SessionResource {
  const { session, member, organization } = facts;
  return {
    type: "session",
    id: session.id,
    attributes: {
      organizationId: organization.id,
      organizationName: organization.name,
      memberId: member.id,
      email: member.email,
      name: member.name,
      role: member.role,
      userAgent: session.userAgent,
      peer: session.peer,
      createdAt: session.createdAt.toISOString(),
      lastUsedAt: session.lastUsedAt.toISOString(),
      expiresAt: session.expiresAt.toISOString(),
      current: session.id === currentId,
    },
  };
}

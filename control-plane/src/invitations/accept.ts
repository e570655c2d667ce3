/** What a link opens, for whoever holds it: a stranger until it is accepted. */
import type { InvitationAccept } from "@claviger/shared/api/invitation";
import { ApiProblem, problem } from "@claviger/shared/api/problem";
import { hashSecret } from "@claviger/shared/key/secret";
import { and, eq, isNull } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { invitation } from "../db/tables/invitation.ts";
import { member } from "../db/tables/member.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { type MemberResource, type MemberRow, memberResource } from "../members/find.ts";
import type { Ports } from "../ports.ts";
import {
  type InvitationFacts,
  type InvitationResource,
  invitationResource,
  selectInvitations,
  statusOf,
} from "./find.ts";

/** What the link invites to. Used, withdrawn, ended and made-up links get one answer. */
export async function lookUpInvitation(ports: Ports, token: string): Promise<InvitationResource> {
  return invitationResource(await findOpen(ports, ports.db, await hashSecret(token)), ports.clock.nowMs());
}

/** Makes whoever holds the link a member, once. */
export async function acceptInvitation(
  ports: Ports,
  input: InvitationAccept,
): Promise<Changed<MemberResource>> {
  const tokenHash = await hashSecret(input.token);
  const { invitation: open } = await findOpen(ports, ports.db, tokenHash);
  const passwordHash = await ports.passwords.hash(input.password);
  return commit(ports, { organizationId: open.orgId }, async (tx) => {
    // Below the organization's lock: of two who come with one link the second finds nothing.
    const { invitation: row } = await findOpen(ports, tx, tokenHash);
    await tx.delete(invitation).where(eq(invitation.id, row.id));
    const [taken] = await tx
      .select({ id: member.id })
      .from(member)
      .where(and(eq(member.orgId, row.orgId), eq(member.email, row.email), isNull(member.deletedAt)));
    if (taken !== undefined) {
      throw new ApiProblem([
        { code: "name_conflict", detail: "There is a member with this e-mail address." },
      ]);
    }
    const made: MemberRow = {
      id: newId(ports.random, "mem"),
      orgId: row.orgId,
      email: row.email,
      name: input.name ?? row.email.slice(0, 128),
      role: row.role,
      passwordHash,
      createdAt: new Date(ports.clock.nowMs()),
      revision: await nextRevision(tx, row.orgId),
      disabledAt: null,
      deletedAt: null,
    };
    await tx.insert(member).values(made);
    const actor = { kind: "member", id: made.id, name: made.email } as const;
    return {
      resource: memberResource(made),
      entry: { actor, action: "invitation.accept", effect: "neutral", changes: [], keys: [] },
    };
  });
}

type Reader = Parameters<typeof selectInvitations>[0];

async function findOpen(ports: Ports, db: Reader, tokenHash: string): Promise<InvitationFacts> {
  const [facts] = await selectInvitations(db, eq(invitation.tokenHash, tokenHash));
  if (facts?.organization.enabled && statusOf(facts, ports.clock.nowMs()) === "open") return facts;
  throw problem(
    "not_found",
    "This invitation has ended, was used or withdrawn, or never was. Ask for a new one.",
  );
}

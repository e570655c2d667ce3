import type { MemberEdit } from "@claviger/shared/api/member";
import { problem } from "@claviger/shared/api/problem";
import { includesRole } from "@claviger/shared/api/role";
import { and, eq, isNull } from "drizzle-orm";
import { member } from "../db/tables/member.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { findMember, type MemberResource, type MemberRow, memberResource } from "./find.ts";

/** Renames a member (everybody oneself) or changes the role (admins; to and from owner only owners). */
export function editMember(
  ports: Ports,
  caller: Caller,
  id: string,
  input: MemberEdit,
  ifMatch?: string,
): Promise<Changed<MemberResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await findMember(tx, orgId, id);
    await requireUnchanged(ifMatch, before.revision, async () => ({ resource: memberResource(before) }));
    await requireMayEdit(tx, caller, before, input);
    const row: MemberRow = {
      ...before,
      name: input.name ?? before.name,
      role: input.role ?? before.role,
      revision: await nextRevision(tx, orgId),
    };
    await tx
      .update(member)
      .set(row)
      .where(and(eq(member.orgId, orgId), eq(member.id, id)));
    return {
      resource: memberResource(row),
      entry: { actor: caller.actor, action: "member.edit", effect: "neutral", changes: [], keys: [] },
    };
  });
}

async function requireMayEdit(tx: Tx, caller: Caller, before: MemberRow, input: MemberEdit): Promise<void> {
  if (before.id !== caller.memberId) requireRole(caller, "admin");
  if (input.role === undefined || input.role === before.role) return;
  requireRole(caller, includesRole(input.role, "owner") || before.role === "owner" ? "owner" : "admin");
  if (before.role === "owner") await requireAnotherOwner(tx, before);
}

/** An organization without an owner could never again have one. */
export async function requireAnotherOwner(tx: Tx, leaving: MemberRow): Promise<void> {
  const owners = await tx
    .select({ id: member.id })
    .from(member)
    .where(and(eq(member.orgId, leaving.orgId), eq(member.role, "owner"), isNull(member.deletedAt)));
  if (owners.some((owner) => owner.id !== leaving.id)) return;
  throw problem("state_conflict", "This is the last owner; make somebody else an owner first.");
}

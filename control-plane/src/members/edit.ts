import type { MemberEdit } from "@claviger/shared/api/member";
import { problem } from "@claviger/shared/api/problem";
import { includesRole } from "@claviger/shared/api/role-rank";
import { and, eq, isNull } from "drizzle-orm";
import { member } from "../db/tables/member.ts";
import type { Tx } from "../fleet/journal.ts";
import type { JournalEntry } from "../fleet/journal-types.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { endCredentials } from "./end-credentials.ts";
import { findMember, type MemberResource, type MemberRow, memberResource } from "./find.ts";
import { settleKeys } from "./settle-keys.ts";

/**
 * Renames a member (everybody oneself), changes the role or disables (admins; to and from owner only owners). Disabling
 * stops the member's keys in the same restrictive change; enabling activates none of them.
 */
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
    const revision = await nextRevision(tx, orgId);
    const row: MemberRow = {
      ...before,
      name: input.name ?? before.name,
      role: input.role ?? before.role,
      disabledAt: disabledAt(ports, before, input),
      revision,
    };
    await tx
      .update(member)
      .set(row)
      .where(and(eq(member.orgId, orgId), eq(member.id, id)));
    if (row.disabledAt !== null) await endCredentials(tx, row);
    return { resource: memberResource(row), entry: await entryOf(tx, caller, before, row) };
  });
}

async function entryOf(tx: Tx, { actor }: Caller, before: MemberRow, row: MemberRow): Promise<JournalEntry> {
  const { disabledAt, revision } = row;
  if (before.disabledAt !== null || disabledAt === null) {
    return { actor, action: "member.edit", effect: "neutral", changes: [], keys: [] };
  }
  const at = { revision, nowMs: disabledAt.getTime() };
  const { changes, keys } = await settleKeys(tx, row, "deactivate", at);
  return { actor, action: "member.disable", effect: "restrictive", inflight: "abort", changes, keys };
}

async function requireMayEdit(tx: Tx, caller: Caller, before: MemberRow, input: MemberEdit): Promise<void> {
  if (before.id !== caller.memberId) requireRole(caller, "admin");
  await requireMayDisable(tx, caller, before, input);
  if (input.role === undefined || input.role === before.role) return;
  requireRole(caller, includesRole(input.role, "owner") || before.role === "owner" ? "owner" : "admin");
  if (before.role === "owner") await requireAnotherOwner(tx, before);
}

async function requireMayDisable(
  tx: Tx,
  caller: Caller,
  before: MemberRow,
  input: MemberEdit,
): Promise<void> {
  if (input.enabled === undefined || input.enabled === (before.disabledAt === null)) return;
  requireRole(caller, before.role === "owner" ? "owner" : "admin");
  if (input.enabled) return;
  if (before.id === caller.memberId) throw problem("state_conflict", "Nobody disables themselves.");
  if (before.role === "owner") await requireAnotherOwner(tx, before);
}

function disabledAt(ports: Ports, before: MemberRow, { enabled }: MemberEdit): Date | null {
  if (enabled === undefined) return before.disabledAt;
  return enabled ? null : (before.disabledAt ?? new Date(ports.clock.nowMs()));
}

/** An organization without an owner could never again have one. */
export async function requireAnotherOwner(tx: Tx, leaving: MemberRow): Promise<void> {
  const owners = await tx
    .select({ id: member.id })
    .from(member)
    .where(
      and(
        eq(member.orgId, leaving.orgId),
        eq(member.role, "owner"),
        isNull(member.deletedAt),
        isNull(member.disabledAt),
      ),
    );
  if (owners.some((owner) => owner.id !== leaving.id)) return;
  throw problem("state_conflict", "This is the last owner; make somebody else an owner first.");
}

import type { MemberDelete } from "@claviger/shared/api/member";
import { and, eq } from "drizzle-orm";
import { member } from "../db/tables/member.ts";
import { memberIdentity } from "../db/tables/member-identity.ts";
import { passkey } from "../db/tables/passkey.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { requireAnotherOwner } from "./edit.ts";
import { endCredentials } from "./end-credentials.ts";
import { findMember, type MemberRow } from "./find.ts";
import { settleKeys } from "./settle-keys.ts";

/** Ends a membership with its sessions and tokens; its keys stop, or get another owner. One restrictive operation. */
export function deleteMember(
  ports: Ports,
  caller: Caller,
  id: string,
  input: MemberDelete,
): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const row = await findMember(tx, orgId, id);
    if (row.role === "owner") {
      requireRole(caller, "owner");
      await requireAnotherOwner(tx, row);
    }
    const revision = await nextRevision(tx, orgId);
    const nowMs = ports.clock.nowMs();
    const { changes, keys } = await settleKeys(tx, row, input.keys, { revision, nowMs });
    await forget(tx, row, new Date(nowMs), revision);
    return {
      resource: null,
      entry: {
        actor: caller.actor,
        action: "member.delete",
        effect: "restrictive",
        inflight: "abort",
        changes,
        keys,
      },
    };
  });
}

/** The address becomes free again; the row stays, because the audit and deleted keys name it. */
async function forget(tx: Tx, row: MemberRow, deletedAt: Date, revision: string): Promise<void> {
  await endCredentials(tx, row);
  await tx.delete(passkey).where(and(eq(passkey.orgId, row.orgId), eq(passkey.memberId, row.id)));
  await tx.delete(memberIdentity).where(eq(memberIdentity.memberId, row.id));
  await tx
    .update(member)
    .set({ deletedAt, revision, passwordHash: "", email: `${row.id}|${row.email}` })
    .where(and(eq(member.orgId, row.orgId), eq(member.id, row.id)));
}

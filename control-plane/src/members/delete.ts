import type { MemberDelete } from "@claviger/shared/api/member";
import { ApiProblem } from "@claviger/shared/api/problem";
import type { Change } from "@claviger/shared/wire/record";
import { and, eq, ne } from "drizzle-orm";
import { apiKey } from "../db/tables/api-key.ts";
import { member } from "../db/tables/member.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { endAll } from "../keys/end-all.ts";
import { findKeysWhere } from "../keys/find.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { requireAnotherOwner } from "./edit.ts";
import { endCredentials } from "./end-credentials.ts";
import { findMember, type MemberRow } from "./find.ts";

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
    const { changes, keys } = await settleKeys(tx, row, input.keys, revision);
    await forget(tx, row, new Date(ports.clock.nowMs()), revision);
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

async function settleKeys(
  tx: Tx,
  row: MemberRow,
  fate: MemberDelete["keys"],
  revision: string,
): Promise<{ changes: Change[]; keys: string[] }> {
  const owned = await findKeysWhere(tx, row.orgId, { ownerId: row.id });
  if (fate === "deactivate") {
    const changes = await endAll(tx, row.orgId, owned, "inactive", revision);
    return { changes, keys: changes.map((change) => change.id) };
  }
  const heir = await findHeir(tx, row, fate.transferTo);
  await tx
    .update(apiKey)
    .set({ ownerId: heir.id, revision })
    .where(and(eq(apiKey.orgId, row.orgId), eq(apiKey.ownerId, row.id), ne(apiKey.status, "deleted")));
  // Gateways do not know owners, so there is nothing to tell them but that it happened.
  return { changes: [], keys: [] };
}

async function findHeir(tx: Tx, row: MemberRow, id: string): Promise<MemberRow> {
  const pointer = "/keys/transferTo";
  if (id === row.id) {
    throw new ApiProblem([{ code: "invalid_value", detail: "transferTo must be another member.", pointer }]);
  }
  return findMember(tx, row.orgId, id);
}

/** The address becomes free again; the row stays, because the audit and deleted keys name it. */
async function forget(tx: Tx, row: MemberRow, deletedAt: Date, revision: string): Promise<void> {
  await endCredentials(tx, row);
  await tx
    .update(member)
    .set({ deletedAt, revision, passwordHash: "", email: `${row.id}|${row.email}` })
    .where(and(eq(member.orgId, row.orgId), eq(member.id, row.id)));
}

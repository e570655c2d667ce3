/** What becomes of a member's keys, agents and hidden parents when the member stops: the same for every verb that ends one. */
import type { MemberDelete } from "@claviger/shared/api/member";
import { ApiProblem } from "@claviger/shared/api/problem";
import type { Change } from "@claviger/shared/wire/record";
import { and, eq, ne } from "drizzle-orm";
import { apiKey } from "../db/tables/api-key.ts";
import type { Tx } from "../fleet/journal.ts";
import { endAll } from "../keys/end-all.ts";
import { findKeysWhere } from "../keys/find.ts";
import type { KeyRow } from "../keys/record.ts";
import { findMember, type MemberRow, requireEnabled } from "./find.ts";

/** A gateway whose clock is behind must have seen a token end before its parent is passed over. */
const CLOCK_BEHIND_MS = 3_600_000;

/** For the entry of one restrictive change: the records that gateways are told of, and the keys that bound it. */
export interface Settled {
  readonly changes: Change[];
  readonly keys: string[];
}

/** Deactivates what is active, tokens of it included, or gives all to another member; `state_conflict` past what one change takes. */
export async function settleKeys(
  tx: Tx,
  row: MemberRow,
  fate: MemberDelete["keys"],
  { revision, nowMs }: { revision: string; nowMs: number },
): Promise<Settled> {
  if (fate === "deactivate") {
    const owned = await findKeysWhere(tx, row.orgId, { ownerId: row.id });
    const alive = owned.filter((key) => !isOver(key, nowMs));
    const changes = await endAll(tx, row.orgId, alive, "inactive", revision);
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

/** Nobody can lengthen a hidden parent: without those that are over, old tokens never fill the change that stops a member. */
function isOver({ kind, expiresAt }: KeyRow, nowMs: number): boolean {
  return kind === "hidden" && expiresAt !== null && expiresAt.getTime() + CLOCK_BEHIND_MS < nowMs;
}

async function findHeir(tx: Tx, row: MemberRow, id: string): Promise<MemberRow> {
  const pointer = "/keys/transferTo";
  if (id === row.id) {
    throw new ApiProblem([{ code: "invalid_value", detail: "transferTo must be another member.", pointer }]);
  }
  const heir = await findMember(tx, row.orgId, id);
  requireEnabled(heir, pointer);
  return heir;
}

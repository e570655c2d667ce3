/** What only the database and the clock can tell about attributes that are well-formed. */
import { invalidAttribute, notFound, problem } from "@claviger/shared/api/problem";
import { KeyRecord } from "@claviger/shared/wire/record";
import { and, eq, inArray, isNull } from "drizzle-orm";
import { jsonBytes } from "../db/json-size.ts";
import { gateway } from "../db/tables/gateway.ts";
import { member } from "../db/tables/member.ts";
import type { Tx } from "../fleet/journal.ts";
import { findMember, requireEnabled } from "../members/find.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { nouns } from "./kind.ts";
import { type KeyRow, keyRecord } from "./record.ts";

const RECORD_BYTES_MAX = 65_536;

/** An instant that has passed would make a key that is dead at birth. */
export function requireFuture(expiresAt: Date | null | undefined, attribute: string, nowMs: number): void {
  if (expiresAt && expiresAt.getTime() <= nowMs) {
    throw invalidAttribute(attribute, `${attribute} must lie in the future.`);
  }
}

/** The owner is the caller, or, for admins, any member of the organization who is not disabled. */
export async function requireOwner(tx: Tx, caller: Caller, ownerId: string): Promise<void> {
  if (ownerId === caller.memberId) return;
  requireRole(caller, "admin");
  requireEnabled(await findMember(tx, caller.organizationId, ownerId, "ownerId"), "/data/attributes/ownerId");
}

/** Before a key is activated: what stopped with its owner goes on with its owner, or with another. */
export async function requireOwnerPresent(tx: Tx, row: KeyRow): Promise<void> {
  const [owner] = await tx
    .select({ disabledAt: member.disabledAt, deletedAt: member.deletedAt })
    .from(member)
    .where(and(eq(member.orgId, row.orgId), eq(member.id, row.ownerId)));
  if (owner === undefined) throw new Error("a key's owner has no row");
  const { label } = nouns[row.kind === "agent" ? "agent" : "key"];
  if (owner.deletedAt !== null) {
    throw problem("state_conflict", `The owner of this ${label} was removed. Give it another owner first.`);
  }
  if (owner.disabledAt !== null) {
    const detail = `The owner of this ${label} is disabled. Enable that member first, or give it another owner.`;
    throw problem("state_conflict", detail);
  }
}

/** Every gateway is one of this organization and still attached. */
export async function requireGateways(
  tx: Tx,
  orgId: string,
  ids: readonly string[] | null | undefined,
): Promise<void> {
  if (!ids) return;
  const wanted = [...new Set(ids)];
  const found = await tx
    .select({ id: gateway.id })
    .from(gateway)
    .where(and(eq(gateway.orgId, orgId), isNull(gateway.goneAt), inArray(gateway.id, wanted)));
  if (found.length !== wanted.length) throw notFound("gateway", "gatewayIds");
}

/** A record that gateways would refuse must not be journaled: this is the last look at it. */
export function requireRecord(row: KeyRow): void {
  const record = KeyRecord.parse(keyRecord(row));
  if (jsonBytes(record) <= RECORD_BYTES_MAX) return;
  const lists = [
    "allowedModels",
    "allowedProviders",
    "ipAllowlist",
    "gatewayIds",
    "mcp",
    "metadata",
  ] as const;
  const [largest = "metadata"] = [...lists].sort((a, b) => jsonBytes(record[b]) - jsonBytes(record[a]));
  throw invalidAttribute(
    largest,
    "The key is larger than 64 KiB in all; this attribute is the largest part.",
  );
}

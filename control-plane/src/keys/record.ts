/** From the row to what gateways hold. Name, note, owner and thresholds stay here. */
import { canonicalCidr } from "@claviger/shared/decide/ip";
import type { Change, KeyRecord } from "@claviger/shared/wire/record";
import type { apiKey } from "../db/tables/api-key.ts";

export type KeyRow = typeof apiKey.$inferSelect;

/** The record of a key as it stands in its row. */
export function keyRecord(row: KeyRow): KeyRecord {
  return {
    id: row.id,
    projectId: row.projectId,
    kind: row.kind,
    generation: row.generation,
    hashes: row.hashes,
    status: row.status,
    expiresAtMs: row.expiresAt?.getTime() ?? null,
    maxStalenessSeconds: row.maxStalenessSeconds,
    requestsPerMinute: row.requestsPerMinute,
    tokensPerMinute: row.tokensPerMinute,
    maxConcurrency: row.maxConcurrency,
    budgetId: row.budgetId,
    allowedProviders: row.allowedProviders,
    allowedModels: row.allowedModels,
    ipAllowlist: row.ipAllowlist?.map(canonicalOrThrow) ?? null,
    gatewayIds: row.gatewayIds,
    mcp: row.mcp,
    metadata: row.metadata,
  };
}

/** Puts the whole record; a deleted key is put as its tombstone. */
export function putKey(row: KeyRow): Change {
  return { op: "put", kind: "key", id: row.id, record: keyRecord(row) };
}

function canonicalOrThrow(text: string): string {
  const cidr = canonicalCidr(text);
  if (cidr === undefined) throw new Error("a stored address list holds what was never valid");
  return cidr;
}

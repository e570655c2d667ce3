/** From the row to what gateways hold. Name, note, owner and thresholds stay here. */
import { createHash } from "node:crypto";
import { canonicalCidr } from "@claviger/shared/decide/ip";
import type { Change, KeyHash, KeyRecord } from "@claviger/shared/wire/record";
import type { apiKey } from "../db/tables/api-key.ts";

export type KeyRow = typeof apiKey.$inferSelect;

/** The record of a key as it stands in its row. */
export function keyRecord(row: KeyRow): KeyRecord {
  return {
    id: row.id,
    projectId: row.projectId,
    kind: row.kind,
    generation: row.generation,
    hashes: row.kind === "key" ? row.hashes : marksOf(row),
    status: row.status,
    expiresAtMs: row.expiresAt?.getTime() ?? null,
    maxStalenessSeconds: row.maxStalenessSeconds,
    requestsPerMinute: row.requestsPerMinute,
    tokensPerMinute: row.tokensPerMinute,
    maxConcurrency: row.maxConcurrency,
    ...(row.toolCallsPerMinute === null ? {} : { toolCallsPerMinute: row.toolCallsPerMinute }),
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
  const kind = row.kind === "key" ? "key" : "agent";
  return { op: "put", kind, id: row.id, record: keyRecord(row) };
}

/**
 * An agent's secret is the control plane's to see, so no hash of it travels. What gateways have to know is how long the
 * tokens of an earlier generation live; a mark that anybody could compute stands in the hash's place.
 */
function marksOf({ id, generation, hashes }: KeyRow): KeyHash[] {
  const mark = (of: number) => createHash("sha256").update(`mark|${id}|${of}`).digest("base64url");
  return hashes
    .filter((hash) => hash.generation < generation)
    .map((hash) => ({ ...hash, hash: mark(hash.generation) }));
}

function canonicalOrThrow(text: string): string {
  const cidr = canonicalCidr(text);
  if (cidr === undefined) throw new Error("a stored address list holds what was never valid");
  return cidr;
}

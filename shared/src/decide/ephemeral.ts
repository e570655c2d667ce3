/**
 * Ephemeral tokens: a token's rights are its claims ∩ its parent's *present* rights, which is computed by asking both
 * for every right and never by making a third list that could be out of date. So a parent that is revoked, rotated,
 * deactivated or narrowed takes its tokens along with no further message.
 */
import type { KeyRecord } from "../wire/record.ts";
import { type Refusal, refuse } from "./refusals.ts";
import type { TableView } from "./view.ts";

/** What a verified token claims. Lists are null for "whatever the parent may". */
export interface EphemeralClaims {
  /** The parent's id (`sub`). */
  readonly keyId: string;
  /** The parent's generation when it was made (`pg`). */
  readonly generation: number;
  readonly tokenId: string;
  readonly expiresAtMs: number;
  readonly allowedModels: string[] | null;
  readonly allowedProviders: string[] | null;
  readonly ipAllowlist: string[] | null;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly mcp: KeyRecord["mcp"] | null;
}

/** Whether the token or its parent is dead, in the order token, parent's status, parent's generation. */
export function statusOfToken(
  view: TableView,
  key: KeyRecord,
  claims: EphemeralClaims,
  nowMs: number,
): Refusal | undefined {
  if (!(nowMs < claims.expiresAtMs)) return refuse("token_expired");
  if (view.denied(claims.tokenId)) return refuse("token_revoked");
  if (key.status === "revoked" || key.status === "deleted") return refuse("parent_revoked");
  if (view.closed(claims.tokenId) || view.closed(key.id)) return refuse("authorization_stale");
  if (key.status !== "active") return refuse("key_inactive");
  if (key.expiresAtMs !== null && !(nowMs < key.expiresAtMs)) return refuse("key_expired");
  return generationLives(key, claims.generation, nowMs) ? undefined : refuse("parent_rotated");
}

/** The present generation lives; an older one as long as the grace of its secret. */
function generationLives(key: KeyRecord, generation: number, nowMs: number): boolean {
  if (generation === key.generation) return true;
  return key.hashes.some(
    (hash) => hash.generation === generation && hash.notAfterMs !== null && nowMs < hash.notAfterMs,
  );
}

/**
 * Admission: may this hash, from this address, on this gateway, now? Pure, and in the fixed order of PROTOCOL §4.2, so
 * that the same input has the same answer everywhere: look-up → key status → project → organization → freshness →
 * gateway → IP; then the model (`admitModel`); then, in the turn of the forward, all of it once more and the budget
 * (`recheck`). What is dead is refused with 401 however stale the table is; what has expired by a clock that nobody can
 * confirm, with 503. What the table lacks (no project, no
 * organization of a key) is 503 and never a 401: a client must not throw its key away for a defect of ours.
 */
import type { KeyHash, KeyRecord } from "../wire/record.ts";
import { type EphemeralClaims, statusOfToken } from "./ephemeral.ts";
import { judgeExpiry } from "./expiry.ts";
import type { Address } from "./ip.ts";
import { inRanges } from "./ip-ranges.ts";
import { listsOf } from "./prepared.ts";
import { type Refusal, refuse } from "./refusals.ts";
import type { Freshness, TableView } from "./view.ts";

/** With a proof no older than this, a hash that is not in the table is nobody's: no wait. */
export const UNKNOWN_SURE_MS = 2_000;
/** After the wait, a proof no older than this still allows the definite 401. */
export const UNKNOWN_REFUSED_MS = 30_000;

/** Who asks, from where, at which gateway. */
export interface Caller {
  /** base64url SHA-256 of the secret (`HashSecret`). */
  readonly hash: string;
  readonly gatewayId: string;
  /** undefined when it cannot be told (`clientIp`): a key with an address list then refuses. */
  readonly ip: Address | undefined;
}

/** Who was admitted. Only `admitKey` and `admitToken` make one, and it is good for one request. */
export interface Principal {
  readonly caller: Caller;
  /** The key, or the parent of the token, as it stands in the table. Its limits are the caller's to enforce. */
  readonly key: KeyRecord;
  /** The rotation that the secret or token belongs to. */
  readonly generation: number;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly maxConcurrency: number | null;
  /** Set when an ephemeral token of the key asked; its claims hold beside the key's own lists, never instead. */
  readonly claims: EphemeralClaims | undefined;
}

export type KeyDecision =
  | { readonly kind: "admitted"; readonly principal: Principal }
  /** `key` is there when the hash is known, for the log and the count of refusals; it has no rights by that. */
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly key: KeyRecord | undefined }
  /** Unknown, but the table may be behind: wait ≤ 1 s for a heartbeat, then ask again with `waited`. */
  | { readonly kind: "unsure" };

const UNSURE = { kind: "unsure" } as const;

function refused(refusal: Refusal, key?: KeyRecord): KeyDecision {
  return { kind: "refused", refusal, key };
}

/** Judges an API key's hash. `waited`: the caller has waited for a heartbeat as `unsure` asks. */
export function admitKey(view: TableView, freshness: Freshness, caller: Caller, waited = false): KeyDecision {
  if (!view.configured) return refused(refuse("no_configuration"));
  const found = view.byHash(caller.hash);
  if (found === undefined || found.key.kind !== "key" || !sameDigest(found.hash.hash, caller.hash)) {
    return judgeUnknown(freshness, waited, "invalid_api_key");
  }
  const { key, hash } = found;
  const refusal =
    judgeExpiry(freshness, (nowMs) => judgeStatus(view, key, hash, nowMs)) ??
    judgeKey(view, freshness, key, caller);
  if (refusal !== undefined) return refused(refusal, key);
  const { requestsPerMinute, tokensPerMinute, maxConcurrency } = key;
  const limits = { requestsPerMinute, tokensPerMinute, maxConcurrency };
  return {
    kind: "admitted",
    principal: { caller, key, generation: hash.generation, ...limits, claims: undefined },
  };
}

/**
 * Judges an ephemeral token whose signature, `alg`, `typ`, `kid` and `aud` the caller has verified; `caller.hash` is the
 * hash of the token, for its cache. The parent is read live: what it has lost, the token has lost.
 */
export function admitToken(
  view: TableView,
  freshness: Freshness,
  caller: Caller,
  claims: EphemeralClaims,
  waited = false,
): KeyDecision {
  if (!view.configured) return refused(refuse("no_configuration"));
  const key = view.key(claims.keyId);
  if (key === undefined) return judgeUnknown(freshness, waited, "invalid_token");
  const refusal =
    judgeExpiry(freshness, (nowMs) => statusOfToken(view, key, claims, nowMs)) ??
    judgeKey(view, freshness, key, caller) ??
    judgeIp(claims, caller.ip);
  if (refusal !== undefined) return refused(refusal, key);
  return {
    kind: "admitted",
    principal: {
      caller,
      key,
      generation: claims.generation,
      requestsPerMinute: tighter(key.requestsPerMinute, claims.requestsPerMinute),
      tokensPerMinute: tighter(key.tokensPerMinute, claims.tokensPerMinute),
      maxConcurrency: key.maxConcurrency,
      claims,
    },
  };
}

function tighter(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

/**
 * All characters are looked at, wherever they differ (PROTOCOL §2.11): a table that finds an entry by part of a hash
 * is then no weaker than one that finds it by the whole.
 */
function sameDigest(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

function judgeUnknown(
  freshness: Freshness,
  waited: boolean,
  code: "invalid_api_key" | "invalid_token",
): KeyDecision {
  if (freshness.ageMs <= UNKNOWN_SURE_MS) return refused(refuse(code));
  if (!waited) return UNSURE;
  return refused(refuse(freshness.ageMs <= UNKNOWN_REFUSED_MS ? code : "authorization_stale"));
}

/** Whether the key itself is dead, in the order revoked, inactive, expired, rotated. Instants are exact: at the deadline it is over. */
function judgeStatus(view: TableView, key: KeyRecord, hash: KeyHash, nowMs: number): Refusal | undefined {
  if (key.status === "revoked" || key.status === "deleted") return refuse("key_revoked");
  if (view.closed(key.id)) return refuse("authorization_stale");
  if (key.status !== "active") return refuse("key_inactive");
  if (key.expiresAtMs !== null && !(nowMs < key.expiresAtMs)) return refuse("key_expired");
  if (hash.notAfterMs !== null && !(nowMs < hash.notAfterMs)) return refuse("key_rotated");
  return undefined;
}

/** What holds for a key and for its tokens alike, after their own status. */
function judgeKey(
  view: TableView,
  freshness: Freshness,
  key: KeyRecord,
  caller: Caller,
): Refusal | undefined {
  const project = view.project(key.projectId);
  if (project?.enabled === false) return refuse("project_disabled");
  const policy = view.policy();
  if (policy?.enabled === false) return refuse("organization_disabled");
  if (project === undefined || policy === undefined) return refuse("no_configuration");
  if (!(freshness.ageMs <= key.maxStalenessSeconds * 1000)) return refuse("authorization_stale");
  if (key.gatewayIds !== null && !key.gatewayIds.includes(caller.gatewayId)) {
    return refuse("gateway_not_allowed");
  }
  return judgeIp(key, caller.ip);
}

function judgeIp(
  record: Pick<KeyRecord, "allowedModels" | "allowedProviders" | "ipAllowlist">,
  ip: Address | undefined,
): Refusal | undefined {
  if (record.ipAllowlist === null) return undefined;
  const ranges = listsOf(record).ip;
  return ranges !== null && ip !== undefined && inRanges(ranges, ip) ? undefined : refuse("ip_not_allowed");
}

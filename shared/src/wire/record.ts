/**
 * What a gateway knows of its organization: full records, never patches. A record names no secret; what admits is a
 * hash, what authenticates to a provider is sealed.
 */
import * as z from "zod";
import { Digest, Id, TimeMs } from "./scalars.ts";

const Names = z.array(z.string().min(1).max(256)).min(1).max(1000).nullable();

/** One accepted secret of an API key: its hash, the rotation it belongs to, and when its grace ends. */
export const KeyHash = z.object({
  hash: Digest,
  generation: z.int().min(1),
  /** null: as long as the key lives. Past: a tombstone, kept so that the answer is `key_rotated` for ever. */
  notAfterMs: TimeMs.nullable(),
});
export type KeyHash = z.infer<typeof KeyHash>;

/** `all` and `none` take no servers; the two lists need at least one. */
export const McpPolicy = z.object({
  enabled: z.boolean(),
  mode: z.enum(["allow-all", "deny-all", "allow-list", "deny-list"]).optional(),
  servers: z.array(z.string().min(1).max(128)).min(1).max(1000).optional(),
  tools: z.record(z.string(), z.array(z.string().min(1).max(256)).max(1000)).optional(),
});
export type McpPolicy = z.infer<typeof McpPolicy>;

/**
 * An API key as gateways hold it. Every list is null for "all" and never empty. `deleted` is a tombstone: its lists
 * and limits mean nothing any more.
 */
export const KeyRecord = z.object({
  id: Id,
  projectId: Id,
  kind: z.enum(["key", "agent", "hidden"]),
  generation: z.int().min(1),
  hashes: z.array(KeyHash).max(64),
  status: z.enum(["active", "inactive", "revoked", "deleted"]),
  expiresAtMs: TimeMs.nullable(),
  maxStalenessSeconds: z.int().min(30).max(604_800),
  requestsPerMinute: z.int().min(0).nullable(),
  tokensPerMinute: z.int().min(0).nullable(),
  maxConcurrency: z.int().min(0).nullable(),
  /** Set when a hard budget stands on the key; the gateway then needs a slice before it forwards. */
  budgetId: Id.nullable(),
  allowedProviders: Names,
  allowedModels: Names,
  /** Canonical CIDRs (`10.0.0.0/8`, `2001:db8::/32`), single addresses as /32 and /128. */
  ipAllowlist: Names,
  gatewayIds: z.array(Id).min(1).max(1000).nullable(),
  mcp: McpPolicy,
  metadata: z.record(z.string(), z.unknown()),
});
export type KeyRecord = z.infer<typeof KeyRecord>;

/** A project refuses all its keys while it is disabled. */
export const ProjectRecord = z.object({ id: Id, enabled: z.boolean(), budgetId: Id.nullable() });
export type ProjectRecord = z.infer<typeof ProjectRecord>;

/** An LLM key without its credential: where requests for which models go. */
export const ProviderRecord = z.object({
  id: Id,
  projectId: Id,
  /** A row of the provider table (`openai`, `anthropic`, `sandbox`, …). */
  provider: z.string().min(1).max(64),
  /** Slug, unique inside the project; callers may ask for `name/model`. */
  name: z.string().min(1).max(64),
  /** Origin and path prefix without a trailing slash, e.g. `https://api.openai.com`. */
  baseUrl: z.url(),
  /** Bare model names: the provider's default catalogue (if switched on) and the custom ones. */
  models: z.array(z.string().min(1).max(256)).max(5000),
  /** Which version of the `secret` record of the same id is in force. */
  secretVersion: z.int().min(1),
});
export type ProviderRecord = z.infer<typeof ProviderRecord>;

/**
 * A provider credential under the organization's data key: AES-256-GCM, associated data
 * `orgId|id|version|provider|host`, so that a rewritten base URL cannot extract it. `iv`, `ciphertext` (with its
 * 16-byte tag at the end) are base64url.
 */
export const SecretRecord = z.object({
  id: Id,
  version: z.int().min(1),
  provider: z.string(),
  host: z.string(),
  dataKeyId: z.string(),
  iv: z.string(),
  ciphertext: z.string(),
});
export type SecretRecord = z.infer<typeof SecretRecord>;

/** The organization's own record; its id is the organization's. */
export const PolicyRecord = z.object({
  id: Id,
  enabled: z.boolean(),
  auditPolicy: z.enum(["strict", "continue"]),
  defaultMaxOutputTokens: z.int().min(1).nullable(),
  bodyCapture: z.boolean(),
  budgetId: Id.nullable(),
});
export type PolicyRecord = z.infer<typeof PolicyRecord>;

/**
 * An ephemeral token that is refused although its parent lives. Its id is the token's `jti`; the control plane takes it
 * back (`del`) once the token has been over for long.
 */
export const DeniedTokenRecord = z.object({ id: Id, keyId: Id, expiresAtMs: TimeMs });
export type DeniedTokenRecord = z.infer<typeof DeniedTokenRecord>;

const put = z.literal("put");

const Put = z.discriminatedUnion("kind", [
  z.object({ op: put, kind: z.literal("key"), id: Id, record: KeyRecord }),
  // What no secret of admits at a gateway: agents, and the hidden parents of tokens that were made instead of a key.
  z.object({ op: put, kind: z.literal("agent"), id: Id, record: KeyRecord }),
  z.object({ op: put, kind: z.literal("deny_jti"), id: Id, record: DeniedTokenRecord }),
  z.object({ op: put, kind: z.literal("project"), id: Id, record: ProjectRecord }),
  z.object({ op: put, kind: z.literal("policy"), id: Id, record: PolicyRecord }),
  z.object({ op: put, kind: z.literal("provider"), id: Id, record: ProviderRecord }),
  z.object({ op: put, kind: z.literal("secret"), id: Id, record: SecretRecord }),
]);

const Del = z.object({ op: z.literal("del"), kind: z.enum(["provider", "secret", "deny_jti"]), id: Id });

/** One record put or taken away. A deleted key is a put of its tombstone, never a del. */
export const Change = z.discriminatedUnion("op", [Put, Del]);
export type Change = z.infer<typeof Change>;

/**
 * What a gateway knows of its organization: full records, never patches. A record names no secret; what admits is a
 * hash, what authenticates to a provider is sealed.
 */
import * as z from "zod";
import { Nanos } from "./escrow.ts";
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
  /** Calls of MCP tools; absent or null: no limit. */
  toolCallsPerMinute: z.int().min(0).nullable().optional(),
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
 * 16-byte tag at the end) are base64url. Of an MCP server (`provider` is `mcp`) the text is a JSON object of the headers that
 * its requests carry, by their names in lower case.
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

/** Nano-dollars per million tokens, per disjoint bucket (`money/cost.ts`); absent: not known. */
const rates = {
  input: Nanos.optional(),
  cacheRead: Nanos.optional(),
  cacheWrite: Nanos.optional(),
  cacheWriteLong: Nanos.optional(),
  output: Nanos.optional(),
  reasoning: Nanos.optional(),
  audioInput: Nanos.optional(),
  audioOutput: Nanos.optional(),
  imageInput: Nanos.optional(),
  imageOutput: Nanos.optional(),
};

/** What a model costs. Never without an input price: such a model has none. */
export const PriceRecord = z.object({
  ...rates,
  input: Nanos,
  /** Other rates for the whole request as soon as its input is larger; ascending. */
  tiers: z
    .array(z.object({ aboveInputTokens: z.int().min(0), rates: z.object(rates) }))
    .min(1)
    .max(16)
    .optional(),
  /** Nano-dollars apiece. */
  perRequest: Nanos.optional(),
  perImage: Nanos.optional(),
  perSearch: Nanos.optional(),
});
export type PriceRecord = z.infer<typeof PriceRecord>;

/** What a gateway needs to bound and to price requests of one model. */
export const ModelRow = z.object({
  /** As the provider knows it. */
  name: z.string().min(1).max(256),
  /** Names one price for ever: a changed price has a new number. */
  priceRev: z.int().min(1),
  /** null: nobody knows it, which is never $0. */
  price: PriceRecord.nullable(),
  contextWindow: z.int().min(1).optional(),
  outputTokensMax: z.int().min(1).optional(),
});
export type ModelRow = z.infer<typeof ModelRow>;

/**
 * Some models of one provider that LLM keys of the organization can serve. A provider's models are spread over records by
 * their names, so that a changed price is a small record and thousands of models are few.
 */
export const ModelsRecord = z.object({
  id: Id,
  provider: z.string().min(1).max(64),
  models: z.array(ModelRow).min(1).max(2000),
});
export type ModelsRecord = z.infer<typeof ModelsRecord>;

/** A name of the organization's own for models, in the order in which they are tried. */
export const AliasRecord = z.object({
  id: Id,
  /** null: in every project. A project's own alias of the same name goes first. */
  projectId: Id.nullable(),
  /** Without a slash, so that no target is an alias. */
  name: z.string().regex(/^[^/]{1,128}$/),
  /** `<provider or LLM key's name>/<model>`. */
  targets: z
    .array(
      z
        .string()
        .regex(/^[^/]+\/.+$/)
        .max(321),
    )
    .min(1)
    .max(16),
});
export type AliasRecord = z.infer<typeof AliasRecord>;

/** What an MCP server offers: resources are named by their URI, templates of resources by their URI template. */
export const McpOfferKind = z.enum(["tool", "prompt", "resource", "resource-template"]);
export type McpOfferKind = z.infer<typeof McpOfferKind>;

/** What was decided about one thing that an MCP server offers: accepted as it was then (`mcp-pin.ts`), or refused whatever it says (null). */
export const McpPin = z.object({
  kind: McpOfferKind,
  name: z.string().min(1).max(2048),
  hash: Digest.nullable(),
});
export type McpPin = z.infer<typeof McpPin>;

/** An MCP server that keys of the organization may reach (Streamable HTTP) at `/mcp/<name>`. */
export const McpServerRecord = z.object({
  id: Id,
  /** Never changes; has no underscore. What keys, tokens and scopes name. */
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/),
  url: z.url(),
  /** Whose keys may use it; null: every project's. */
  projectIds: z.array(Id).max(1000).nullable(),
  enabled: z.boolean(),
  /** Which version of the `secret` record of the same id is in force; null: requests carry no credential. */
  secretVersion: z.int().min(1).nullable(),
  /** `pending`: only what a pin accepts as it is. `accept`: everything, but for what a pin refuses. */
  newOffers: z.enum(["pending", "accept"]),
  pins: z.array(McpPin).max(2000),
});
export type McpServerRecord = z.infer<typeof McpServerRecord>;

const put = z.literal("put");

/**
 * Said of a kind that only adds: whoever does not know it, or cannot read this record of it, goes on without it. A change of
 * an unknown kind that does not say so may take something away, and stops whoever does not know it.
 */
const ifUnknown = z.literal("skip").optional();

const Put = z.discriminatedUnion("kind", [
  z.object({ op: put, kind: z.literal("key"), id: Id, record: KeyRecord }),
  // What no secret of admits at a gateway: agents, and the hidden parents of tokens that were made instead of a key.
  z.object({ op: put, kind: z.literal("agent"), id: Id, record: KeyRecord }),
  z.object({ op: put, kind: z.literal("deny_jti"), id: Id, record: DeniedTokenRecord }),
  z.object({ op: put, kind: z.literal("project"), id: Id, record: ProjectRecord }),
  z.object({ op: put, kind: z.literal("policy"), id: Id, record: PolicyRecord }),
  z.object({ op: put, kind: z.literal("provider"), id: Id, record: ProviderRecord }),
  z.object({ op: put, kind: z.literal("secret"), id: Id, record: SecretRecord }),
  z.object({ op: put, kind: z.literal("models"), id: Id, record: ModelsRecord, ifUnknown }),
  z.object({ op: put, kind: z.literal("alias"), id: Id, record: AliasRecord, ifUnknown }),
  z.object({ op: put, kind: z.literal("mcp"), id: Id, record: McpServerRecord, ifUnknown }),
]);

/** Kinds that only add; the control plane says `ifUnknown: "skip"` of them. */
export const SKIPPABLE_KINDS = ["models", "alias", "mcp"] as const;

const Del = z.object({
  op: z.literal("del"),
  kind: z.enum(["provider", "secret", "deny_jti", ...SKIPPABLE_KINDS]),
  id: Id,
  ifUnknown,
});

/** One record put or taken away. A deleted key is a put of its tombstone, never a del. */
export const Change = z.discriminatedUnion("op", [Put, Del]);
export type Change = z.infer<typeof Change>;

const Skippable = z.object({ op: z.string(), kind: z.string(), id: Id, ifUnknown: z.literal("skip") });
const AnyDel = z.object({ op: z.literal("del"), kind: Del.shape.kind, id: Id });

/**
 * The changes of a message without those that may be skipped and are not understood. What is held under the id of such a
 * record goes, because it is no longer what the control plane says. Everything else stays as it came.
 */
export function skipUnknown(changes: readonly unknown[]): unknown[] {
  return changes.flatMap((change) => {
    const skippable = Skippable.safeParse(change);
    if (!skippable.success || Change.safeParse(change).success) return [change];
    const del = AnyDel.safeParse({ ...skippable.data, op: "del" });
    return del.success ? [del.data] : [];
  });
}

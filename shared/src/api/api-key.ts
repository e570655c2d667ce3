/** What the API takes and shows of an API key (API.md §2). */
import * as z from "zod";
import { canonicalCidr } from "../decide/ip.ts";
import { apiKeyStatuses } from "./api-key-list.ts";
import { Id, Instant, isSet, Label, NameList, Reason, TWICE } from "./attribute.ts";
import { type BudgetState, type BudgetView, budgetAttributes } from "./budget.ts";
import { McpAccess } from "./mcp.ts";

const METADATA_BYTES_MAX = 16_384;

/** How old a gateway's proof of freshness may be unless the key says otherwise. */
export const MAX_STALENESS_SECONDS_DEFAULT = 900;

/** Seven days. */
export const GRACE_SECONDS_MAX = 604_800;

const Limit = z.int().min(0, "must not be negative").max(1_000_000_000, "is too large").nullable();

/** A `*` may stand at the end only. */
const ModelList = NameList.refine(
  (list) => list === null || list.every((name) => !name.slice(0, -1).includes("*")),
  "may have a * at the end of a name only",
);

/** Addresses and CIDRs, v4 and v6. */
const IpList = NameList.refine(
  (list) => list === null || list.every((text) => canonicalCidr(text) !== undefined),
  "must hold addresses and CIDRs without host bits, e.g. 192.0.2.7, 10.0.0.0/8, 2001:db8::/32",
);

const Metadata = z
  .record(z.string(), z.json())
  .refine(
    (value) => new TextEncoder().encode(JSON.stringify(value)).length <= METADATA_BYTES_MAX,
    "must not be larger than 16 KiB",
  );

/** What a key may, and what a token of it may at most. */
export const allowances = {
  requestsPerMinute: Limit.optional(),
  tokensPerMinute: Limit.optional(),
  allowedProviders: NameList.optional(),
  allowedModels: ModelList.optional(),
  ipAllowlist: IpList.optional(),
  mcp: McpAccess.optional(),
};

const attributes = {
  name: Label.optional(),
  note: Label.nullable().optional(),
  expiresAt: Instant.nullable().optional(),
  /** The spelling of other products; the same as `expiresAt`. */
  expires_at: Instant.nullable().optional(),
  ownerId: Id.optional(),
  ...allowances,
  maxConcurrency: Limit.optional(),
  toolCallsPerMinute: Limit.optional(),
  ...budgetAttributes,
  metadata: Metadata.optional(),
  maxStalenessSeconds: z
    .int()
    .min(30, "must be at least 30")
    .max(604_800, "must not exceed 604800")
    .optional(),
  gatewayIds: z
    .array(Id)
    .min(1, "must be null (all) or not empty")
    .max(1000)
    .refine(isSet, TWICE)
    .nullable()
    .optional(),
};

type Attributes = { name?: unknown; note?: unknown; expiresAt?: unknown; expires_at?: unknown };

function oneExpiry(value: Attributes, context: z.RefinementCtx): void {
  if (value.expiresAt === undefined || value.expires_at === undefined) return;
  const message = "stands beside expiresAt; send one of them";
  context.addIssue({ code: "custom", path: ["expires_at"], message });
}

export const ApiKeyCreate = z.strictObject(attributes).superRefine((value, context) => {
  oneExpiry(value, context);
  if (value.name === undefined && (value.note === undefined || value.note === null)) {
    context.addIssue({
      code: "custom",
      path: ["name"],
      params: { missing: true },
      message: "name or note is needed",
    });
  }
});
export type ApiKeyCreate = z.infer<typeof ApiKeyCreate>;

export const ApiKeyEdit = z.strictObject(attributes).superRefine(oneExpiry);
export type ApiKeyEdit = z.infer<typeof ApiKeyEdit>;

/** The body of revoke, deactivate, activate and DELETE. */
export const Interrupt = z.strictObject({
  reason: Reason.optional(),
  inflight: z.enum(["abort", "drain"]).optional(),
});
export type Interrupt = z.infer<typeof Interrupt>;

export const Rotate = z.strictObject({
  graceSeconds: z
    .int()
    .min(0, "must not be negative")
    .max(GRACE_SECONDS_MAX, "must not exceed 604800")
    .optional(),
});
export type Rotate = z.infer<typeof Rotate>;

export const ApiKeyStatus = z.enum(apiKeyStatuses);
export type ApiKeyStatus = z.infer<typeof ApiKeyStatus>;

/** The attributes of an answer. Times are ISO 8601 in UTC, money decimal strings. */
export interface ApiKeyView extends BudgetView {
  readonly name: string;
  readonly note: string | null;
  readonly status: ApiKeyStatus;
  readonly preview: string;
  /** `<epoch>.<revision>` of its last change: a gateway that holds this revision or a later one holds the change. */
  readonly revision: string;
  readonly generation: number;
  readonly expiresAt: string | null;
  /** When the secret of the generation before stops working; null without a running grace. */
  readonly graceEndsAt: string | null;
  readonly ownerId: string;
  readonly ownerName: string;
  readonly projectId: string;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly maxConcurrency: number | null;
  /** Calls of MCP tools. */
  readonly toolCallsPerMinute: number | null;
  readonly allowedProviders: readonly string[] | null;
  readonly allowedModels: readonly string[] | null;
  readonly ipAllowlist: readonly string[] | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly mcp: McpAccess;
  readonly maxStalenessSeconds: number;
  readonly gatewayIds: readonly string[] | null;
  readonly lastUsedAt: string | null;
  readonly createdAt: string;
  /** All ever admitted. */
  readonly requests: number;
  /** Share of the organization's sum, deleted keys included, two decimals. */
  readonly usagePercent: number;
  /** What its requests have ever cost. */
  readonly spentUsd: string;
  /** What its budget stands at; null without one. */
  readonly budgetState: BudgetState | null;
  /** Admitted requests that `spentUsd` leaves out, because nobody knows the price of their model. */
  readonly unpricedRequests: number;
}

/** How many keys one bulk change takes at most: what one delta holds (PROTOCOL §2.1). */
export const BULK_MAX = 200;

/** The filters of a list, without its pages. */
const BulkFilter = z.strictObject({
  status: z.string().max(64).optional(),
  search: z.string().max(256).optional(),
  owner: z.string().max(64).optional(),
  project: z.string().max(64).optional(),
  safety: z.string().max(64).optional(),
});

/**
 * The body of `POST /api-keys/bulk`: either `ids`, or all that match `filter`, in order of their ids, as many as one
 * change takes; `after` goes on behind the id that the answer before has named. `attributes` belong to `edit`, and
 * metadata is added there to what a key has.
 */
export const ApiKeyBulk = z
  .strictObject({
    action: z.enum(["deactivate", "activate", "revoke", "delete", "edit"]),
    ids: z.array(Id).min(1, "must not be empty").max(BULK_MAX).refine(isSet, TWICE).optional(),
    filter: BulkFilter.optional(),
    after: Id.optional(),
    attributes: z.strictObject(attributes).omit({ name: true, note: true }).superRefine(oneExpiry).optional(),
    reason: Reason.optional(),
    inflight: z.enum(["abort", "drain"]).optional(),
  })
  .superRefine((value, context) => {
    const wrong = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if ((value.ids === undefined) === (value.filter === undefined)) wrong("ids", "send either ids or filter");
    if (value.after !== undefined && value.filter === undefined) wrong("after", "goes with filter only");
    if ((value.action === "edit") !== (value.attributes !== undefined)) {
      wrong("attributes", "go with edit, and edit needs them");
    }
  });
export type ApiKeyBulk = z.infer<typeof ApiKeyBulk>;

/** What became of one key of a bulk change, in `meta.results`. */
export interface BulkResult {
  readonly id: string;
  readonly name: string | null;
  readonly state: "changed" | "unchanged" | "refused";
  readonly code?: string;
  readonly detail?: string;
}

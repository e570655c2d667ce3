/** What the API takes and shows of providers, models and aliases. */
import * as z from "zod";
import { nanosOf } from "../money/cost.ts";
import { Id, isPlainText, isSet, Name, TWICE } from "./attribute.ts";

export interface ProviderView {
  readonly name: string;
  /** null: every LLM key of it brings its own. */
  readonly defaultBaseUrl: string | null;
  readonly needsCredential: boolean;
}

const USD = 'must be a decimal string such as "2.50": not negative, at most 1000000, at most 9 decimals';
const NANOS_MAX = 1_000_000n * 1_000_000_000n;

const Price = z
  .string()
  .refine((text) => (nanosOf(text) ?? NANOS_MAX + 1n) <= NANOS_MAX, USD)
  .nullable();

const rates = {
  inputUsdPerMillion: Price.optional(),
  cacheReadUsdPerMillion: Price.optional(),
  cacheWriteUsdPerMillion: Price.optional(),
  cacheWriteLongUsdPerMillion: Price.optional(),
  outputUsdPerMillion: Price.optional(),
  reasoningUsdPerMillion: Price.optional(),
  audioInputUsdPerMillion: Price.optional(),
  audioOutputUsdPerMillion: Price.optional(),
  imageInputUsdPerMillion: Price.optional(),
  imageOutputUsdPerMillion: Price.optional(),
};

const TokenCount = z.int().min(1, "must be at least 1").max(2_000_000_000, "is too large");

const Tier = z.strictObject({ aboveInputTokens: TokenCount, ...rates });

/** What an organization says of a model in place of the catalogue; what is absent stays as it is. */
export const ModelEdit = z.strictObject({
  ...rates,
  perRequestUsd: Price.optional(),
  perImageUsd: Price.optional(),
  perSearchUsd: Price.optional(),
  tiers: z
    .array(Tier)
    .max(16, "must not have more than 16 entries")
    .refine(
      (tiers) =>
        tiers.every((tier, i) => i === 0 || tier.aboveInputTokens > (tiers[i - 1]?.aboveInputTokens ?? 0)),
      "must be ascending by aboveInputTokens",
    )
    .optional(),
  contextWindow: TokenCount.nullable().optional(),
  outputTokensMax: TokenCount.nullable().optional(),
});
export type ModelEdit = z.infer<typeof ModelEdit>;

type Usd = string | null;

/** US dollars per million tokens as decimal strings; null: billed as the bucket it is a part of, or not known. */
export interface RatesView {
  readonly inputUsdPerMillion: Usd;
  readonly cacheReadUsdPerMillion: Usd;
  readonly cacheWriteUsdPerMillion: Usd;
  readonly cacheWriteLongUsdPerMillion: Usd;
  readonly outputUsdPerMillion: Usd;
  readonly reasoningUsdPerMillion: Usd;
  readonly audioInputUsdPerMillion: Usd;
  readonly audioOutputUsdPerMillion: Usd;
  readonly imageInputUsdPerMillion: Usd;
  readonly imageOutputUsdPerMillion: Usd;
}

/** Without an input price a model is unpriced, which is never $0: a key with a budget cannot use it. */
export interface ModelView extends RatesView {
  readonly provider: string;
  readonly name: string;
  /** Who says it: the catalogue, the organization, or nobody (a model that an LLM key names). */
  readonly source: "catalogue" | "override" | "custom";
  /** An LLM key of the organization can serve it. */
  readonly served: boolean;
  readonly contextWindow: number | null;
  readonly outputTokensMax: number | null;
  /** US dollars apiece. */
  readonly perRequestUsd: Usd;
  readonly perImageUsd: Usd;
  readonly perSearchUsd: Usd;
  /** Other rates for the whole request as soon as its input is larger; ascending. */
  readonly tiers: readonly ({ readonly aboveInputTokens: number } & RatesView)[];
}

const AliasName = Name.max(128, "must not be longer than 128 characters").regex(
  /^[^/]*$/,
  "must not hold a slash: with one it would be a model of a provider",
);

const Target = z
  .string()
  .max(321, "is too long")
  .regex(/^[^/]+\/.+$/, "must be provider/model or the name of an LLM API key and a model, name/model")
  .refine(isPlainText, "must not hold control characters");

const Targets = z
  .array(Target)
  .min(1, "must not be empty")
  .max(16, "must not have more than 16 entries")
  .refine(isSet, TWICE);

export const ModelAliasCreate = z.strictObject({
  name: AliasName,
  /** null or absent: in every project. */
  projectId: Id.nullable().optional(),
  targets: Targets,
});
export type ModelAliasCreate = z.infer<typeof ModelAliasCreate>;

export const ModelAliasEdit = z.strictObject({ name: AliasName.optional(), targets: Targets.optional() });
export type ModelAliasEdit = z.infer<typeof ModelAliasEdit>;

export interface ModelAliasView {
  readonly name: string;
  /** null: in every project. A project's own alias of the same name goes first. */
  readonly projectId: string | null;
  /** In the order in which they are tried. */
  readonly targets: readonly string[];
  /** Targets that no LLM key serves now: they are passed over. */
  readonly unserved: readonly string[];
  readonly createdAt: string;
}

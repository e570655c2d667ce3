/** What `GET /usage` takes and shows. Times are UTC; a day begins at 00:00Z. */

export const usageGroups = [
  "key",
  "model",
  "provider",
  "gateway",
  "owner",
  "project",
  "agent",
  "code",
] as const;
export type UsageGroup = (typeof usageGroups)[number] | `metadata.${string}`;

export const usageIntervals = ["minute", "hour", "day"] as const;
export type UsageInterval = (typeof usageIntervals)[number];

/** What a list without an interval is sorted by; `-requests` unless asked otherwise. */
export const usageSorts = [
  "requests",
  "errors",
  "refused",
  "spentUsd",
  "inputTokens",
  "outputTokens",
  /** All kinds together. */
  "tokens",
] as const;
export type UsageSort = (typeof usageSorts)[number];

/** Figures of one group; sums of what was recorded, never sampled. */
export interface UsageFigures {
  /** Admitted requests, each counted where its first attempt went. */
  readonly requests: number;
  /** Further attempts of them: retries, and fallbacks to another model or LLM key. Their tokens and cost count like any. */
  readonly retries: number;
  /** Attempts that failed or ended with a status of 400 or above, made good or not. */
  readonly errors: number;
  /** Requests that were not admitted. */
  readonly refused: number;
  /** Disjoint: no token is in two of them. Input and output are what none of the others holds. */
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  /** To a cache that lives longer than the provider's default one. */
  readonly cacheWriteLongTokens: number;
  readonly outputTokens: number;
  /** Of providers that tell it; elsewhere it is in the output. */
  readonly reasoningTokens: number;
  readonly audioInputTokens: number;
  readonly audioOutputTokens: number;
  readonly imageInputTokens: number;
  readonly imageOutputTokens: number;
  /** Pieces: images that are billed one by one, and uses of the provider's own search. */
  readonly images: number;
  readonly searches: number;
  /** Decimal text of dollars, exact to the nano-dollar. */
  readonly spentUsd: string;
  /** Attempts that are not in `spentUsd`, because nobody knows the price of their model. */
  readonly unpricedRequests: number;
  /** Within 5 %; null without a request. */
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  readonly firstByteP50Ms: number | null;
  readonly firstByteP95Ms: number | null;
}

/** A group's value under each name that was grouped by, the names of what has one, and its figures. */
export interface UsageView extends UsageFigures {
  /** Start of the interval; null when none was asked for. */
  readonly at: string | null;
  readonly group: Readonly<Record<string, string | null>>;
  /** By the same names: what people call it, deleted ones included. */
  readonly names: Readonly<Record<string, string>>;
}

/** How far a gateway's usage has come in. */
export interface UsageFreshness {
  readonly gateway: string;
  readonly gatewayId: string;
  /** Every request that had ended there by then is counted; null: it has yet to report, or is behind. */
  readonly completeTo: string | null;
  /** Events that it holds and that are not counted yet, as its last heartbeat told. */
  readonly waiting: number;
}

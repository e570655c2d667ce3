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

/** Figures of one group; sums of what was recorded, never sampled. */
export interface UsageFigures {
  /** Admitted requests, and how many of them failed or ended with a status of 400 or above. */
  readonly requests: number;
  readonly errors: number;
  /** Requests that were not admitted. */
  readonly refused: number;
  /** Disjoint: no token is in two of them. */
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Decimal text of dollars, exact to the nano-dollar. */
  readonly spentUsd: string;
  /** Requests that are not in `spentUsd`, because nobody knows the price of their model. */
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

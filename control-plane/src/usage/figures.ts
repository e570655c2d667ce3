/** The figures of usage, once: what an event adds to each, its column in the roll-ups, and its name in the API. */
import type { UsageFigures } from "@claviger/shared/api/usage";
import type { Usage } from "@claviger/shared/money/cost";
import { unfoldTokens } from "@claviger/shared/money/usage";
import type { UsageEvent } from "@claviger/shared/wire/usage";
import type { Dimension } from "./roll-up.ts";

/** An event that is about to be counted: priced once, its buckets disjoint. */
export type Counted = {
  readonly event: UsageEvent;
  readonly dimension: Dimension;
  /** null of refusals. */
  readonly usage: Usage | null;
  /** Nano-dollars; null: unknown, or a refusal. */
  readonly cost: bigint | null;
};

type CountName = {
  [Name in keyof UsageFigures]: UsageFigures[Name] extends number ? Name : never;
}[keyof UsageFigures];

interface Figure {
  readonly name: CountName;
  readonly column: string;
  readonly of: (counted: Counted) => number;
}

const bucket =
  (name: keyof Usage) =>
  ({ usage }: Counted): number =>
    usage?.[name] ?? 0;

/** Sums of integers; money and durations stand beside them. */
export const FIGURES: readonly Figure[] = [
  { name: "requests", column: "requests", of: ({ event }) => (isFirst(event) ? 1 : 0) },
  {
    name: "retries",
    column: "retries",
    of: ({ event }) => (event.kind === "settled" && !isFirst(event) ? 1 : 0),
  },
  { name: "errors", column: "errors", of: ({ event }) => (failed(event) ? 1 : 0) },
  { name: "refused", column: "refused", of: ({ event }) => (event.kind === "refused" ? event.n : 0) },
  { name: "inputTokens", column: "input_tokens", of: bucket("input") },
  { name: "cacheReadTokens", column: "cache_read_tokens", of: bucket("cacheRead") },
  { name: "cacheWriteTokens", column: "cache_write_tokens", of: bucket("cacheWrite") },
  { name: "cacheWriteLongTokens", column: "cache_write_long_tokens", of: bucket("cacheWriteLong") },
  { name: "outputTokens", column: "output_tokens", of: bucket("output") },
  { name: "reasoningTokens", column: "reasoning_tokens", of: bucket("reasoning") },
  { name: "audioInputTokens", column: "audio_input_tokens", of: bucket("audioInput") },
  { name: "audioOutputTokens", column: "audio_output_tokens", of: bucket("audioOutput") },
  { name: "imageInputTokens", column: "image_input_tokens", of: bucket("imageInput") },
  { name: "imageOutputTokens", column: "image_output_tokens", of: bucket("imageOutput") },
  { name: "images", column: "images", of: bucket("images") },
  { name: "searches", column: "searches", of: bucket("searches") },
  {
    name: "unpricedRequests",
    column: "unpriced",
    of: ({ event, cost }) => (event.kind === "settled" && cost === null ? 1 : 0),
  },
];

/** A request is counted with its first attempt; a retry and a fallback are events of their own, but no requests. */
export function isFirst(event: UsageEvent): boolean {
  return event.kind === "settled" && (event.attempt ?? 1) === 1;
}

function failed(event: UsageEvent): boolean {
  return event.kind === "settled" && (event.status >= 400 || event.code !== null);
}

/** An event with its cost, which is asked for here and nowhere else. */
export function countedOf(
  event: UsageEvent,
  dimension: Dimension,
  costOf: (event: UsageEvent & { kind: "settled" }, usage: Usage) => bigint | null,
): Counted {
  if (event.kind === "refused") return { event, dimension, usage: null, cost: null };
  const usage = unfoldTokens(event.tokens);
  return { event, dimension, usage, cost: costOf(event, usage) };
}

/** The worst case of one attempt, from its bytes (PROTOCOL §2.8, "Bound"). Only requests that a budget bounds are read here. */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { ModelFacts } from "@claviger/shared/decide/view";
import { type Bound, boundOf } from "@claviger/shared/money/bound";
import type { Surface } from "@claviger/shared/money/request-facts";

export interface Attempt {
  readonly surface: string;
  readonly bytes: Uint8Array;
  readonly provider: string;
  readonly model: ModelFacts | undefined;
  /** The organization's `defaultMaxOutputTokens`. */
  readonly defaultOutputTokens: number | null;
}

export type Bounded = Extract<Bound, { kind: "bounded" }>;

/** Surfaces whose cost can be bounded, by what their requests are read as; the others have no bound. */
const READ_AS: Readonly<Record<string, Surface>> = {
  "chat.completions": "chat.completions",
  completions: "completions",
  responses: "responses",
  messages: "messages",
  generateContent: "generateContent",
  streamGenerateContent: "generateContent",
  embeddings: "embeddings",
  embedContent: "embeddings",
  batchEmbedContents: "embeddings",
  "images.generations": "images.generations",
};

/** Nobody bills them. They hold the smallest amount there is, so that a budget that is used up refuses them as well. */
const FREE = new Set(["moderations", "messages.count_tokens", "countTokens"]);
const FREE_BOUND: Bounded = {
  ...{ kind: "bounded", nanos: 1n, outputTokens: 0, outputTokensInAll: 0, inject: null },
  price: { rev: 0, price: { input: 0n, cacheRead: 0n, cacheWrite: 0n, output: 0n } },
};

/** Members that say the same in two spellings: a provider may read either, so only one may be there. */
const TWICE = [["generationConfig", "generation_config"]] as const;

/**
 * A function of what is left in the tightest budget (null: not told), because an absent output limit depends on it; or
 * why the request has no bound.
 */
export function boundFor(attempt: Attempt): ((leftNanos: bigint | null) => Bounded | Refusal) | Refusal {
  const { surface, model, bytes, provider, defaultOutputTokens } = attempt;
  if (FREE.has(surface)) return () => FREE_BOUND;
  const readAs = Object.hasOwn(READ_AS, surface) ? READ_AS[surface] : undefined;
  if (readAs === undefined || model?.price === undefined)
    return refuse("unboundable_cost", { param: "model" });
  const { price, contextWindow, outputTokensMax } = model;
  // Its form was judged when it was read: an object, each name once.
  const body = JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, unknown>>;
  const twice = TWICE.find((names) => names.every((name) => body[name] !== undefined));
  if (twice !== undefined) return refuse("invalid_value", { param: twice[1] });
  return (leftNanos) => {
    const limits = { price, contextWindow, outputTokensMax, defaultOutputTokens, leftNanos };
    const bound = boundOf({ surface: readAs, body, bytes: bytes.length, provider, ...limits });
    if (bound.kind === "bounded") return bound;
    return refuse(bound.kind === "invalid" ? "invalid_value" : "unboundable_cost", { param: bound.param });
  };
}

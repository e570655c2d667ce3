/**
 * The worst case of a request, before it is forwarded (PROTOCOL §2.8). The bargain: whatever usage the provider reports
 * of a request that respects its output limit costs at most this, at the pinned price; what cannot be bounded is named
 * by its field and not forwarded on a budget.
 */
import { COMPONENTS, ofTokens, type PinnedPrice, type Price, type Rates } from "./cost.ts";
import { type OutputLimit, outputLimit } from "./output-limit.ts";
import { type RequestFacts, readFacts, type Surface } from "./request-facts.ts";

/** Special tokens around one part of a conversation. */
const TOKENS_PER_MESSAGE = 32;
/** What a provider writes around tools, and to describe one of its own (Anthropic publishes 313–804 and up to 735). */
const TOKENS_PER_TOOL_PROMPT = 1_024;

/** What one image counts at most, by provider; absent: the context window bounds it. */
const IMAGE_TOKENS_MAX: Readonly<Record<string, number>> = {
  // gpt-4o-mini: 2833 + 8 tiles of 5667 (platform.openai.com/docs/guides/images-vision).
  openai: 48_169,
  // 2576 px on the long edge at most, one token per 750 px² (docs.claude.com/en/docs/build-with-claude/vision).
  anthropic: 8_848,
  sandbox: 48_169,
};

export interface BoundRequest {
  readonly surface: Surface;
  /** The parsed body and the length of its bytes. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly bytes: number;
  readonly provider: string;
  /** undefined: the model has no price. */
  readonly price: PinnedPrice | undefined;
  readonly contextWindow: number | null;
  readonly outputTokensMax: number | null;
  /** The organization's `defaultMaxOutputTokens`. */
  readonly defaultOutputTokens: number | null;
  /** `limit − spent` of the tightest budget as last told, in nano-dollars; null: not told. */
  readonly leftNanos: bigint | null;
}

export type Bound =
  | {
      readonly kind: "bounded";
      readonly nanos: bigint;
      /** Tokens of one answer at most: a stream is cut there. */
      readonly outputTokens: number;
      /** Of all answers together. */
      readonly outputTokensInAll: number;
      /** What has to be written into the body, where the provider would see no limit otherwise. */
      readonly inject: OutputLimit["inject"];
      readonly price: PinnedPrice;
    }
  | { readonly kind: "unboundable" | "invalid"; readonly param: string };

/** The most that this request can cost. */
export function boundOf(request: BoundRequest): Bound {
  const { price, surface, body, provider } = request;
  if (price === undefined) return { kind: "unboundable", param: "model" };
  const facts = readFacts(surface, body);
  if (facts.invalid !== null) return { kind: "invalid", param: facts.invalid };
  if (facts.unboundable !== null) return { kind: "unboundable", param: facts.unboundable };
  const input = inputTokens(request, facts);
  if (typeof input !== "number") return input;
  const rates = worstRates(price.price, input, facts);
  if (typeof rates === "string") return { kind: "unboundable", param: rates };
  const fixed = fixedNanos(request, price.price, facts);
  if (typeof fixed === "string") return { kind: "unboundable", param: fixed };
  const inputNanos = ofTokens(input, rates.input) + fixed + COMPONENTS;
  if (!hasOutput(surface)) {
    return { kind: "bounded", nanos: inputNanos, outputTokens: 0, outputTokensInAll: 0, inject: null, price };
  }
  if (rates.output === null) return { kind: "unboundable", param: "model" };
  // A search starts the model again.
  const answers = facts.choices * (facts.searches + 1);
  const perToken = rates.output * BigInt(answers);
  const left = request.leftNanos === null ? null : request.leftNanos - inputNanos;
  const limit = outputLimit({ ...request, provider, limits: facts.limits, left, perMillion: perToken });
  if (limit.kind === "invalid") return limit;
  const outputTokens = (limit.tokens + facts.predictedBytes) * answers;
  const nanos = inputNanos + ofTokens(outputTokens, rates.output);
  const { tokens, inject } = limit;
  return { kind: "bounded", nanos, outputTokens: tokens, outputTokensInAll: outputTokens, inject, price };
}

function hasOutput(surface: Surface): boolean {
  return surface !== "embeddings" && surface !== "images.generations";
}

function inputTokens(request: BoundRequest, facts: RequestFacts): number | Bound {
  const { provider, contextWindow } = request;
  const perImage = IMAGE_TOKENS_MAX[provider];
  const text =
    request.bytes +
    facts.toolBytes +
    TOKENS_PER_MESSAGE * facts.messages +
    TOKENS_PER_TOOL_PROMPT * (facts.builtInTools + (facts.toolBytes > 0 ? 1 : 0));
  const beyond = facts.beyondBody ?? (facts.images > 0 && perImage === undefined ? "image" : null);
  if (beyond !== null) {
    if (contextWindow === null) return { kind: "unboundable", param: beyond };
    return Math.max(text, contextWindow) * (facts.searches + 1);
  }
  return text - facts.imageBytes + facts.images * (perImage ?? 0);
}

/** The dearest rate that any part of the input, or of the output, may be billed at; a text names what has no price. */
function worstRates(
  price: Price,
  input: number,
  facts: RequestFacts,
): { input: bigint; output: bigint | null } | string {
  const reachable: Rates[] = [price];
  for (const { aboveInputTokens, rates } of price.tiers ?? [])
    if (input > aboveInputTokens) reachable.push(rates);
  let dearestIn = 0n;
  let dearestOut: bigint | null = 0n;
  for (const rates of reachable) {
    if (rates.input === null) return "model";
    if (facts.audio && isUnknown(rates.audioInput)) return "input_audio";
    if (facts.longCache && isUnknown(rates.cacheWriteLong)) return "cache_control";
    if (facts.speaks && isUnknown(rates.audioOutput)) return "modalities";
    if (facts.paints && isUnknown(rates.imageOutput)) return "modalities";
    const ins = [rates.input, rates.cacheRead, rates.cacheWrite, rates.cacheWriteLong, rates.imageInput];
    dearestIn = largest(dearestIn, ...ins, rates.audioInput);
    const outs = [rates.reasoning, rates.audioOutput, rates.imageOutput];
    dearestOut =
      rates.output === null || dearestOut === null ? null : largest(dearestOut, rates.output, ...outs);
  }
  return { input: dearestIn, output: dearestOut };
}

function isUnknown(rate: bigint | null | undefined): boolean {
  return rate === null || rate === undefined;
}

function largest(first: bigint, ...more: (bigint | null | undefined)[]): bigint {
  return more.reduce<bigint>(
    (max, one) => (one !== null && one !== undefined && one > max ? one : max),
    first,
  );
}

function fixedNanos(request: BoundRequest, price: Price, facts: RequestFacts): bigint | string {
  let nanos = price.perRequest ?? 0n;
  if (facts.searches > 0) {
    if (price.perSearch === undefined) return "tools";
    nanos += price.perSearch * BigInt(facts.searches);
  }
  if (request.surface === "images.generations") {
    // Billed by tokens, an image's size decides, and no provider publishes a maximum for that.
    if (price.perImage === undefined) return "model";
    nanos += price.perImage * BigInt(facts.choices);
  }
  return nanos;
}

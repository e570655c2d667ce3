/**
 * One normaliser per dialect: a provider's usage object into disjoint buckets whose sum is what the provider counts.
 * The bargain: null means "did not say" and 0 means "said zero"; nothing here treats one as the other.
 */
import type { Tokens } from "../wire/usage.ts";
import type { Usage } from "./cost.ts";

type Fields = Readonly<Record<string, unknown>>;

/** OpenAI chat completions and embeddings, and everything compatible with them: details are parts of their totals. */
export function chatUsage(usage: Fields): Usage {
  const inputs = fieldsOf(usage.prompt_tokens_details);
  const outputs = fieldsOf(usage.completion_tokens_details);
  return openaiBuckets(
    count(usage.prompt_tokens),
    // Embeddings tell no output, because there is none.
    count(usage.completion_tokens),
    inputs,
    outputs,
    firstCount(inputs.cached_tokens, usage.prompt_cache_hit_tokens),
    count(usage.total_tokens),
  );
}

/** OpenAI responses: the same, in other words. */
export function responsesUsage(usage: Fields): Usage {
  const inputs = fieldsOf(usage.input_tokens_details);
  const outputs = fieldsOf(usage.output_tokens_details);
  return openaiBuckets(
    count(usage.input_tokens),
    count(usage.output_tokens),
    inputs,
    outputs,
    count(inputs.cached_tokens),
    count(usage.total_tokens),
  );
}

/** OpenAI images: the output is an image unless it is told apart, and the input may hold some. */
export function imagesUsage(usage: Fields): Usage {
  const inputs = fieldsOf(usage.input_tokens_details);
  const outputs = fieldsOf(usage.output_tokens_details);
  const cacheRead = count(inputs.cached_tokens);
  const [input, imageInput] = apart(count(usage.input_tokens), count(inputs.image_tokens), cacheRead);
  const text = count(outputs.text_tokens);
  return {
    input,
    cacheRead,
    cacheWrite: null,
    output: text,
    reasoning: null,
    ...(imageInput === null ? {} : { imageInput }),
    imageOutput: without(count(usage.output_tokens), text),
  };
}

/** OpenAI transcriptions and translations; the older models tell seconds, which are no tokens: null. */
export function transcriptUsage(usage: Fields): Usage {
  const inputs = fieldsOf(usage.input_token_details);
  const audioInput = count(inputs.audio_tokens);
  return {
    input: without(count(usage.input_tokens), audioInput),
    cacheRead: null,
    cacheWrite: null,
    output: count(usage.output_tokens),
    reasoning: null,
    ...(audioInput === null ? {} : { audioInput }),
  };
}

/** OpenAI speech, where it is told at all: text in, sound out. */
export function speechUsage(usage: Fields): Usage {
  const audioOutput = count(usage.output_tokens);
  return {
    ...{ input: count(usage.input_tokens), cacheRead: null, cacheWrite: null, output: null, reasoning: null },
    ...(audioOutput === null ? {} : { audioOutput }),
  };
}

/**
 * What a provider has said in several events, as if in one: the later word wins where it says anything, and what it leaves
 * out stays as it was said before. In the provider's own words, so that a total that comes again without its parts is not
 * added to them.
 */
export function mergeSaid(before: Fields | null, now: Fields): Fields {
  if (before === null) return now;
  const said = Object.entries(now).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(said) };
}

/** True when the provider said something that can be charged. */
export function isSaid(usage: Usage | null): usage is Usage {
  return usage !== null && Object.values(usage).some((value) => value !== null && value !== undefined);
}

/** No answer has more tokens; a provider that says so has said nothing that could be stored or billed. `wire/usage.ts` agrees. */
const COUNT_MAX = 1_000_000_000;

/** Parts that travel inside a bucket, and in which. */
const PARTS = [
  ["cacheWriteLong", "cacheWrite"],
  ["audioInput", "input"],
  ["imageInput", "input"],
  ["audioOutput", "output"],
  ["imageOutput", "output"],
] as const;
const PIECES = ["images", "searches"] as const;

/**
 * As a usage event says it: five buckets that hold everything, and apart from them which parts they hold, when the provider
 * told any. A sum beyond what may be stored is told as the most that may.
 */
export function foldUsage(usage: Usage): Tokens {
  const { input, cacheRead, cacheWrite, output, reasoning } = usage;
  const tokens = { input, cacheRead, cacheWrite, output, reasoning };
  let apart: Record<string, number> | undefined;
  for (const [name, bucket] of PARTS) {
    const part = usage[name];
    if (part === null || part === undefined) continue;
    apart ??= {};
    apart[name] = part;
    tokens[bucket] = Math.min(COUNT_MAX, (tokens[bucket] ?? 0) + part);
  }
  for (const name of PIECES) {
    const pieces = usage[name];
    if (pieces === null || pieces === undefined) continue;
    apart ??= {};
    apart[name] = pieces;
  }
  return apart === undefined ? tokens : { ...tokens, apart };
}

/** What was folded, in disjoint buckets again. A part counts for no more than the bucket that it was told to be in. */
export function unfoldTokens({ apart, ...tokens }: Tokens): Usage {
  if (apart === undefined) return tokens;
  const usage: { -readonly [Name in keyof Usage]: Usage[Name] } = { ...tokens, ...apart };
  for (const [name, bucket] of PARTS) {
    const part = apart[name];
    const whole = usage[bucket];
    if (part === undefined || whole === null) continue;
    usage[name] = Math.min(part, whole);
    usage[bucket] = whole - Math.min(part, whole);
  }
  return usage;
}

function openaiBuckets(
  input: number | null,
  output: number | null,
  inputs: Fields,
  outputs: Fields,
  cacheRead: number | null,
  total: number | null,
): Usage {
  const cacheWrite = firstCount(inputs.cache_write_tokens, inputs.cache_creation_tokens);
  const [fresh, audioInput] = apart(input, count(inputs.audio_tokens), cacheRead, cacheWrite);
  const audioOutput = count(outputs.audio_tokens);
  const reasoning = count(outputs.reasoning_tokens);
  // xAI and Gemini count reasoning beside the completion, OpenAI inside it; the total tells which.
  const beside =
    input !== null && output !== null && reasoning !== null && total === input + output + reasoning;
  return {
    input: fresh,
    cacheRead,
    cacheWrite,
    output: without(output, beside ? null : reasoning, audioOutput),
    reasoning,
    ...(audioInput === null ? {} : { audioInput }),
    ...(audioOutput === null ? {} : { audioOutput }),
  };
}

/** Anthropic messages: buckets are disjoint already; thinking is inside the output and not told apart. */
export function messagesUsage(usage: Fields): Usage {
  const writes = fieldsOf(usage.cache_creation);
  const long = count(writes.ephemeral_1h_input_tokens);
  const searches = count(fieldsOf(usage.server_tool_use).web_search_requests);
  return {
    input: count(usage.input_tokens),
    cacheRead: count(usage.cache_read_input_tokens),
    cacheWrite: without(count(usage.cache_creation_input_tokens), long),
    output: count(usage.output_tokens),
    reasoning: null,
    ...(long === null ? {} : { cacheWriteLong: long }),
    ...(searches === null ? {} : { searches }),
  };
}

/** Gemini's `usageMetadata`: the cache is part of the prompt, thoughts stand beside the candidates. */
export function geminiUsage(usage: Fields): Usage {
  const cacheRead = count(usage.cachedContentTokenCount);
  const prompt = plus(count(usage.promptTokenCount), count(usage.toolUsePromptTokenCount));
  const [input, audioInput] = apart(prompt, modality(usage.promptTokensDetails, "AUDIO"), cacheRead);
  const imageOutput = modality(usage.candidatesTokensDetails, "IMAGE");
  const audioOutput = modality(usage.candidatesTokensDetails, "AUDIO");
  return {
    input,
    cacheRead,
    cacheWrite: null,
    output: without(count(usage.candidatesTokenCount), imageOutput, audioOutput),
    reasoning: count(usage.thoughtsTokenCount),
    ...(audioInput === null ? {} : { audioInput }),
    ...(imageOutput === null ? {} : { imageOutput }),
    ...(audioOutput === null ? {} : { audioOutput }),
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= COUNT_MAX
    ? value
    : null;
}

function firstCount(...values: unknown[]): number | null {
  for (const value of values) {
    const found = count(value);
    if (found !== null) return found;
  }
  return null;
}

function modality(details: unknown, name: string): number | null {
  if (!Array.isArray(details)) return null;
  const found = details.map(fieldsOf).find((one) => one.modality === name);
  return found === undefined ? null : count(found.tokenCount);
}

/**
 * An input without its cached part, and the part of it that is no text. What was cached may be either, and is not told
 * apart: text first, so that no token is in two buckets.
 */
function apart(
  total: number | null,
  special: number | null,
  ...cached: (number | null)[]
): [rest: number | null, special: number | null] {
  if (total === null || special === null) return [without(total, ...cached), special];
  const plain = cached.reduce<number>((left, part) => left - (part ?? 0), total);
  return [Math.max(0, plain - special), Math.max(0, Math.min(special, plain))];
}

function without(total: number | null, ...parts: (number | null)[]): number | null {
  if (total === null) return null;
  const rest = parts.reduce<number>((left, part) => left - (part ?? 0), total);
  return Math.max(0, rest);
}

function plus(a: number | null | undefined, b: number | null | undefined): number | null {
  return a === null || a === undefined ? (b ?? null) : a + (b ?? 0);
}

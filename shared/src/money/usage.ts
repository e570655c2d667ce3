/**
 * One normaliser per dialect: a provider's usage object into disjoint buckets whose sum is what the provider counts.
 * The bargain: null means "did not say" and 0 means "said zero"; nothing here treats one as the other.
 */
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
  );
}

function openaiBuckets(
  input: number | null,
  output: number | null,
  inputs: Fields,
  outputs: Fields,
  cacheRead: number | null,
): Usage {
  const cacheWrite = firstCount(inputs.cache_write_tokens, inputs.cache_creation_tokens);
  const audioInput = count(inputs.audio_tokens);
  const audioOutput = count(outputs.audio_tokens);
  const reasoning = count(outputs.reasoning_tokens);
  return {
    input: without(input, cacheRead, cacheWrite, audioInput),
    cacheRead,
    cacheWrite,
    output: without(output, reasoning, audioOutput),
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
  const prompt = sum(count(usage.promptTokenCount), count(usage.toolUsePromptTokenCount));
  const audioInput = modality(usage.promptTokensDetails, "AUDIO");
  const imageOutput = modality(usage.candidatesTokensDetails, "IMAGE");
  const audioOutput = modality(usage.candidatesTokensDetails, "AUDIO");
  return {
    input: without(prompt, cacheRead, audioInput),
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
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
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

function without(total: number | null, ...parts: (number | null)[]): number | null {
  if (total === null) return null;
  const rest = parts.reduce<number>((left, part) => left - (part ?? 0), total);
  return Math.max(0, rest);
}

function sum(a: number | null, b: number | null): number | null {
  return a === null && b === null ? null : (a ?? 0) + (b ?? 0);
}

/**
 * One normaliser per dialect: a provider's usage object into disjoint buckets whose sum is the provider's total. Null
 * means "did not say" and 0 means "said zero"; nothing here treats one as the other.
 */
import type { Tokens } from "@claviger/shared/wire/usage";
import { type Needle, needle } from "./find-bytes.ts";

export interface DialectUsage {
  /** The usage object of a parsed event or answer, wherever this dialect puts it. */
  usageIn(event: Readonly<Record<string, unknown>>): unknown;
  tokensOf(usage: Readonly<Record<string, unknown>>): Tokens;
  /** True for an event that carries nothing but the usage, which only comes when asked for. */
  isExtra(event: Readonly<Record<string, unknown>>): boolean;
  /** What stands right before generated text in the bytes. */
  readonly textNeedles: readonly Needle[];
}

type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** No answer has more tokens; a provider that says so has said nothing that could be stored or billed. */
const COUNT_MAX = 1_000_000_000;

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

function less(total: number | null, ...parts: (number | null)[]): number | null {
  if (total === null) return null;
  return Math.max(
    0,
    parts.reduce<number>((rest, part) => rest - (part ?? 0), total),
  );
}

/** OpenAI chat completions and everything compatible with it. */
export const chatUsage: DialectUsage = {
  usageIn(event) {
    if (isObject(event.usage)) return event.usage;
    return isObject(event.x_groq) ? event.x_groq.usage : undefined;
  },
  tokensOf(usage) {
    const inputDetails: Fields = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
    const outputDetails: Fields = isObject(usage.completion_tokens_details)
      ? usage.completion_tokens_details
      : {};
    const prompt = count(usage.prompt_tokens);
    const completion = count(usage.completion_tokens);
    const cacheRead = firstCount(inputDetails.cached_tokens, usage.prompt_cache_hit_tokens);
    const cacheWrite = firstCount(inputDetails.cache_write_tokens, inputDetails.cache_creation_tokens);
    const reasoning = count(outputDetails.reasoning_tokens);
    const total = count(usage.total_tokens);
    // xAI and Gemini count reasoning beside the completion, OpenAI inside it; the total tells which.
    const beside =
      prompt !== null &&
      completion !== null &&
      reasoning !== null &&
      total === prompt + completion + reasoning;
    return {
      input: less(prompt, cacheRead, cacheWrite),
      cacheRead,
      cacheWrite,
      output: beside ? completion : less(completion, reasoning),
      reasoning,
    };
  },
  isExtra(event) {
    return Array.isArray(event.choices) && event.choices.length === 0 && isObject(event.usage);
  },
  textNeedles: [needle('"content":"'), needle('"arguments":"'), needle('"reasoning_content":"')],
};

/** Anthropic messages: the input's buckets are disjoint already, output comes cumulatively. */
export const messagesUsage: DialectUsage = {
  usageIn(event) {
    if (isObject(event.usage)) return event.usage;
    return isObject(event.message) ? event.message.usage : undefined;
  },
  tokensOf(usage) {
    return {
      input: count(usage.input_tokens),
      cacheRead: count(usage.cache_read_input_tokens),
      cacheWrite: count(usage.cache_creation_input_tokens),
      output: count(usage.output_tokens),
      reasoning: null,
    };
  },
  isExtra: () => false,
  textNeedles: [needle('"text":"'), needle('"partial_json":"'), needle('"thinking":"')],
};

/** The later word wins where it says anything; what it leaves out stays as it was said before. */
export function mergeTokens(before: Tokens | null, now: Tokens): Tokens {
  if (before === null) return now;
  return {
    input: now.input ?? before.input,
    cacheRead: now.cacheRead ?? before.cacheRead,
    cacheWrite: now.cacheWrite ?? before.cacheWrite,
    output: now.output ?? before.output,
    reasoning: now.reasoning ?? before.reasoning,
  };
}

/** True when the provider said something that can be charged. */
export function isSaid(tokens: Tokens | null): tokens is Tokens {
  return tokens !== null && (tokens.input !== null || tokens.output !== null);
}

/** How much a request may generate: the caller's word, or one that is put in its place (PROTOCOL §2.8). */
import type { Surface } from "./request-facts.ts";

const DEFAULT_TOKENS = 4_096;
const LEAST_TOKENS = 256;
/** An injected limit takes at most this part of what is left, so that many such requests run side by side. */
const PART_OF_LEFT = 16n;

export interface OutputLimit {
  readonly kind: "limit";
  readonly tokens: number;
  /** Written into the body when the provider's own field is absent there. */
  readonly inject: { readonly field: string; readonly tokens: number } | null;
}

interface Wanted {
  readonly surface: Surface;
  readonly provider: string;
  /** As the caller set them. */
  readonly limits: readonly (readonly [field: string, tokens: number])[];
  readonly outputTokensMax: number | null;
  readonly defaultOutputTokens: number | null;
  /** Nano-dollars that are left when the input is paid; null: not told. */
  readonly left: bigint | null;
  /** Nano-dollars per million tokens of output, all answers together. */
  readonly perMillion: bigint;
}

/**
 * The caller's limit as it is, never lowered; the largest where there are several. A limit in a field that the provider
 * does not read is said again in the one that it reads.
 */
export function outputLimit(
  wanted: Wanted,
): OutputLimit | { readonly kind: "invalid"; readonly param: string } {
  const { limits, outputTokensMax } = wanted;
  const field = fieldOf(wanted.surface, wanted.provider);
  const over = limits.find(([, tokens]) => outputTokensMax !== null && tokens > outputTokensMax);
  if (over !== undefined) return { kind: "invalid", param: over[0] };
  if (limits.length === 0) {
    const tokens = injected(wanted);
    return { kind: "limit", tokens, inject: { field, tokens } };
  }
  const tokens = Math.max(...limits.map(([, each]) => each));
  const known = limits.some(([name]) => name === field || camel(name) === field);
  return { kind: "limit", tokens, inject: known ? null : { field, tokens } };
}

/** `min(model's maximum, 4096 or the organization's default, max(256, affordable ÷ 16))`. */
function injected({ outputTokensMax, defaultOutputTokens, left, perMillion }: Wanted): number {
  const most = Math.min(outputTokensMax ?? Number.MAX_SAFE_INTEGER, defaultOutputTokens ?? DEFAULT_TOKENS);
  if (left === null || perMillion === 0n) return most;
  const affordable = left <= 0n ? 0n : (left * 1_000_000n) / perMillion / PART_OF_LEFT;
  const sixteenth = affordable > BigInt(most) ? most : Number(affordable);
  return Math.min(most, Math.max(LEAST_TOKENS, sixteenth));
}

/** OpenAI's reasoning models read the new name only, all others the old one only. */
const READS_COMPLETION_TOKENS = new Set(["openai", "azure-openai", "groq"]);

function fieldOf(surface: Surface, provider: string): string {
  if (surface === "responses") return "max_output_tokens";
  if (surface === "generateContent") return "maxOutputTokens";
  if (surface === "chat.completions" && READS_COMPLETION_TOKENS.has(provider)) return "max_completion_tokens";
  return "max_tokens";
}

function camel(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * What a request has cost: integers of nano-dollars (10⁻⁹ USD), rounded up per component, never a float. The bargain: a
 * price that is not known makes the whole cost unknown. It is never $0.
 */
import type { Tokens } from "../wire/usage.ts";

/** What a provider says it has used, in buckets of which no two count the same thing; absent or null: not said. */
export interface Usage extends Omit<Tokens, "apart"> {
  /** Written to a cache that lives longer than the default one (Anthropic: 1 h instead of 5 min). */
  readonly cacheWriteLong?: number | null | undefined;
  readonly audioInput?: number | null | undefined;
  readonly audioOutput?: number | null | undefined;
  readonly imageInput?: number | null | undefined;
  readonly imageOutput?: number | null | undefined;
  /** Whole images made, where they are billed by the piece. */
  readonly images?: number | null | undefined;
  /** Uses of the provider's own search. */
  readonly searches?: number | null | undefined;
}

/** Nano-dollars per million tokens, per disjoint bucket; null or absent: not known. */
export interface Rates {
  readonly input: bigint | null;
  readonly cacheRead: bigint | null;
  readonly cacheWrite: bigint | null;
  readonly output: bigint | null;
  readonly cacheWriteLong?: bigint | null;
  readonly reasoning?: bigint | null;
  readonly audioInput?: bigint | null;
  readonly audioOutput?: bigint | null;
  readonly imageInput?: bigint | null;
  readonly imageOutput?: bigint | null;
}

/** The price of a model. */
export interface Price extends Rates {
  /** Other rates for the whole request as soon as its input is larger; ascending. */
  readonly tiers?: readonly { readonly aboveInputTokens: number; readonly rates: Rates }[];
  /** Nano-dollars apiece. */
  readonly perRequest?: bigint;
  readonly perImage?: bigint;
  readonly perSearch?: bigint;
}

/** A price as it stood when money was reserved; the settlement uses the same one, whatever has changed since. */
export interface PinnedPrice {
  readonly rev: number;
  readonly price: Price;
}

/** Components that are rounded up one by one: a cost exceeds the sum of its exact parts by less than this many nanos. */
export const COMPONENTS = 12n;

const TOKENS_PER_PRICE = 1_000_000n;

/** Nano-dollars; null when a bucket that was used has no price, or the provider told nothing at all. */
export function costOf(usage: Usage, price: Price): bigint | null {
  const rates = ratesFor(price, inputOf(usage));
  const parts: readonly (readonly [number | null | undefined, bigint | null | undefined])[] = [
    [usage.input, rates.input],
    // Where no other price is published, cached tokens are billed as fresh ones.
    [usage.cacheRead, rates.cacheRead ?? rates.input],
    [usage.cacheWrite, rates.cacheWrite ?? rates.input],
    [usage.cacheWriteLong, rates.cacheWriteLong],
    [usage.output, rates.output],
    // Reasoning costs what output costs, unless it has a price of its own.
    [usage.reasoning, rates.reasoning ?? rates.output],
    [usage.audioInput, rates.audioInput],
    [usage.audioOutput, rates.audioOutput],
    [usage.imageInput, rates.imageInput],
    [usage.imageOutput, rates.imageOutput],
  ];
  const pieces: readonly (readonly [number | null | undefined, bigint | undefined])[] = [
    [usage.images, price.perImage],
    [usage.searches, price.perSearch],
  ];
  if ([...parts, ...pieces].every(([count]) => count === null || count === undefined)) return null;
  let sum = price.perRequest ?? 0n;
  for (const [count, perMillion] of parts) {
    if (count === null || count === undefined || count === 0) continue;
    if (perMillion === null || perMillion === undefined) return null;
    sum += ofTokens(count, perMillion);
  }
  for (const [count, apiece] of pieces) {
    if (count === null || count === undefined || count === 0) continue;
    if (apiece === undefined) return null;
    sum += BigInt(count) * apiece;
  }
  return sum;
}

/** Nano-dollars of so many tokens, rounded up. */
export function ofTokens(count: number, perMillion: bigint): bigint {
  return (BigInt(count) * perMillion + TOKENS_PER_PRICE - 1n) / TOKENS_PER_PRICE;
}

/** Everything that was read, whatever it cost. */
export function inputOf(usage: Usage): number {
  const parts = [usage.input, usage.cacheRead, usage.cacheWrite, usage.cacheWriteLong];
  return [...parts, usage.audioInput, usage.imageInput].reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

/** Everything that was written, whatever it cost. */
export function outputOf(usage: Usage): number {
  const parts = [usage.output, usage.reasoning, usage.audioOutput, usage.imageOutput];
  return parts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

/** The rates of a request with so much input. */
export function ratesFor(price: Price, inputTokens: number): Rates {
  return price.tiers?.findLast(({ aboveInputTokens }) => inputTokens > aboveInputTokens)?.rates ?? price;
}

const NANOS_PER_USD = 1_000_000_000n;

/** Nano-dollars of a decimal text of dollars with at most nine decimals, e.g. `"0.075"`; undefined for anything else. */
export function nanosOf(usd: string): bigint | undefined {
  const match = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(usd);
  if (match === null) return undefined;
  return BigInt(match[1] ?? "0") * NANOS_PER_USD + BigInt((match[2] ?? "").padEnd(9, "0"));
}

/** Dollars as the shortest exact decimal text: `0`, `0.0000061`, `12.5`. */
export function usdOf(nanos: bigint): string {
  const whole = nanos / NANOS_PER_USD;
  const rest = (nanos % NANOS_PER_USD).toString().padStart(9, "0").replace(/0+$/, "");
  return rest === "" ? `${whole}` : `${whole}.${rest}`;
}

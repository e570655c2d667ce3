/**
 * What a request has cost: integers of nano-dollars (10⁻⁹ USD), rounded up per component, never a float. The bargain: a
 * price that is not known makes the whole cost unknown. It is never $0.
 */
import type { Tokens } from "../wire/usage.ts";

/** Nano-dollars per million tokens, per disjoint bucket; null: not known. Reasoning costs what output costs. */
export interface Price {
  readonly input: bigint | null;
  readonly cacheRead: bigint | null;
  readonly cacheWrite: bigint | null;
  readonly output: bigint | null;
}

const TOKENS_PER_PRICE = 1_000_000n;

/** Nano-dollars; null when a bucket that was used has no price, or the provider told nothing at all. */
export function costOf(tokens: Tokens, price: Price): bigint | null {
  const parts: readonly (readonly [number | null, bigint | null])[] = [
    [tokens.input, price.input],
    // Where no other price is published, cached tokens are billed as fresh ones.
    [tokens.cacheRead, price.cacheRead ?? price.input],
    [tokens.cacheWrite, price.cacheWrite ?? price.input],
    [tokens.output, price.output],
    [tokens.reasoning, price.output],
  ];
  if (parts.every(([count]) => count === null)) return null;
  let sum = 0n;
  for (const [count, perMillion] of parts) {
    if (count === null || count === 0) continue;
    if (perMillion === null) return null;
    sum += (BigInt(count) * perMillion + TOKENS_PER_PRICE - 1n) / TOKENS_PER_PRICE;
  }
  return sum;
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

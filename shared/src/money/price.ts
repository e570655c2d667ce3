/** Prices between the integers of `cost.ts` and the decimal texts that travel and are stored. */
import type { PriceRecord } from "../wire/record.ts";
import type { Price, Rates } from "./cost.ts";

/** Every bucket that has a rate of its own. */
export const BUCKETS = [
  ...(["input", "cacheRead", "cacheWrite", "cacheWriteLong", "output", "reasoning"] as const),
  ...(["audioInput", "audioOutput", "imageInput", "imageOutput"] as const),
] as const satisfies readonly (keyof Rates)[];

/** What is billed apiece. */
export const PIECES = ["perRequest", "perImage", "perSearch"] as const satisfies readonly (keyof Price)[];

type RatesText = { readonly [B in (typeof BUCKETS)[number]]?: string | undefined };

export function readPrice(record: PriceRecord): Price {
  const pieces = PIECES.flatMap((piece) => {
    const nanos = record[piece];
    return nanos === undefined ? [] : [[piece, BigInt(nanos)] as const];
  });
  const tiers = record.tiers?.map(({ aboveInputTokens, rates }) => ({
    aboveInputTokens,
    rates: readRates(rates),
  }));
  return {
    ...readRates(record),
    ...(tiers === undefined ? {} : { tiers }),
    ...Object.fromEntries(pieces),
  };
}

/** null for a price without an input rate: it is none. */
export function writePrice(price: Price): PriceRecord | null {
  if (price.input === null) return null;
  const pieces = PIECES.flatMap((piece) => (price[piece] === undefined ? [] : [[piece, `${price[piece]}`]]));
  const tiers = price.tiers?.map(({ aboveInputTokens, rates }) => ({
    aboveInputTokens,
    rates: writeRates(rates),
  }));
  return {
    ...writeRates(price),
    input: `${price.input}`,
    ...(tiers === undefined || tiers.length === 0 ? {} : { tiers }),
    ...Object.fromEntries(pieces),
  };
}

function readRates(text: RatesText): Rates {
  const nanos = (value: string | undefined) => (value === undefined ? null : BigInt(value));
  const rest = BUCKETS.flatMap((bucket) => {
    const value = text[bucket];
    return value === undefined ? [] : [[bucket, BigInt(value)] as const];
  });
  return {
    input: nanos(text.input),
    cacheRead: nanos(text.cacheRead),
    cacheWrite: nanos(text.cacheWrite),
    output: nanos(text.output),
    ...Object.fromEntries(rest),
  };
}

function writeRates(rates: Rates): RatesText {
  return Object.fromEntries(
    BUCKETS.flatMap((bucket) => {
      const nanos = rates[bucket];
      return nanos === null || nanos === undefined ? [] : [[bucket, `${nanos}`]];
    }),
  );
}

/**
 * A price of the public list in the integers that costs are computed with. The list knows prices that hold from a day on and
 * prices of some hours of the day. The bargain: of everything that holds at any hour from now until tomorrow the highest is
 * taken, bucket by bucket, so that a bound is never too low; and a unit that nobody meters makes the model unpriced.
 */
import { nanosOf, type Price, type Rates } from "@claviger/shared/money/cost";
import type { ConditionalPrice, ModelInfo, ModelPrice } from "@pydantic/genai-prices";

/** A price that begins this soon counts already: prices travel to gateways once an hour. */
const AHEAD_MS = 86_400_000;

const BUCKET_OF: Readonly<Record<string, keyof Rates>> = {
  input_mtok: "input",
  cache_read_mtok: "cacheRead",
  cache_write_mtok: "cacheWrite",
  cache_write_1h_mtok: "cacheWriteLong",
  output_mtok: "output",
  output_reasoning_mtok: "reasoning",
  input_audio_mtok: "audioInput",
  output_audio_mtok: "audioOutput",
  input_image_mtok: "imageInput",
  output_image_mtok: "imageOutput",
};

/** Prices of 1 000 uses. */
const SEARCHES = ["web_searches_kcount", "storage_searches_kcount"];

/** Cached audio and images are counted with everything else that was read from a cache. */
const COUNTED_ELSEWHERE = new Set([...SEARCHES, "cache_audio_read_mtok", "cache_image_read_mtok"]);

/** What the model costs now; null when its input has no price, or it is billed by something that is not metered. */
export function priceNow(model: Pick<ModelInfo, "prices">, nowMs: number): Price | null {
  const all: readonly ConditionalPrice[] = Array.isArray(model.prices)
    ? model.prices
    : [{ prices: model.prices }];
  const holding = all.slice(baseOf(all, nowMs)).filter((one) => mayHold(one, nowMs));
  const prices = holding.map((one) => read(one.prices));
  const [first, ...rest] = prices;
  if (first === undefined || first === null) return null;
  return rest.reduce<Price | null>(
    (sum, one) => (sum === null || one === null ? null : highest(sum, one)),
    first,
  );
}

/** The last one that holds at every hour; those before it never count (the list's last match wins). */
function baseOf(all: readonly ConditionalPrice[], nowMs: number): number {
  const base = all.findLastIndex(({ constraint }) => {
    return constraint === undefined || (constraint.type === "start_date" && latestOf(constraint) <= nowMs);
  });
  return Math.max(0, base);
}

function mayHold({ constraint }: ConditionalPrice, nowMs: number): boolean {
  return constraint?.type !== "start_date" || earliestOf(constraint) <= nowMs + AHEAD_MS;
}

/** A date without a zone: it begins first at UTC+14, and has begun everywhere at UTC−12. */
function earliestOf({ start_date: date }: { start_date: string }): number {
  return Date.parse(`${date.slice(0, 10)}T00:00:00+14:00`);
}

function latestOf({ start_date: date }: { start_date: string }): number {
  return Date.parse(`${date.slice(0, 10)}T00:00:00-12:00`);
}

function read(prices: ModelPrice): Price | null {
  const priced = Object.entries(prices).filter(([, value]) => value !== undefined);
  if (priced.some(([unit]) => BUCKET_OF[unit] === undefined && !COUNTED_ELSEWHERE.has(unit))) return null;
  const starts = new Set<number>();
  for (const [, value] of priced) {
    if (typeof value === "object") for (const { start } of value.tiers) starts.add(start);
  }
  const base = ratesAt(prices, -1);
  if (base.input === null) return null;
  const perSearch = SEARCHES.map((unit) => perThousand(prices[unit])).reduce(max, 0n);
  const tiers = [...starts]
    .sort((a, b) => a - b)
    .map((aboveInputTokens) => ({ aboveInputTokens, rates: ratesAt(prices, aboveInputTokens) }));
  return { ...base, ...(tiers.length === 0 ? {} : { tiers }), ...(perSearch === 0n ? {} : { perSearch }) };
}

/** The rates of a request with one token more than so many. */
function ratesAt(prices: ModelPrice, above: number): Rates {
  const rates: { -readonly [B in keyof Rates]: Rates[B] } = {
    ...{ input: null, cacheRead: null, cacheWrite: null, output: null },
  };
  for (const [unit, bucket] of Object.entries(BUCKET_OF)) {
    const value = prices[unit];
    if (value === undefined) continue;
    const usd = typeof value === "number" ? value : tierOf(value, above);
    const nanos = nanosOfUsd(usd);
    if (nanos !== null) rates[bucket] = nanos;
  }
  return rates;
}

function tierOf({ base, tiers }: Exclude<ModelPrice[string], number | undefined>, above: number): number {
  return tiers.filter(({ start }) => start <= above).reduce((last, { price }) => price ?? last, base);
}

function perThousand(value: ModelPrice[string]): bigint {
  const usd =
    typeof value === "object" ? Math.max(value.base, ...value.tiers.map(({ price }) => price)) : value;
  return ((nanosOfUsd(usd ?? 0) ?? 0n) + 999n) / 1_000n;
}

function nanosOfUsd(usd: number): bigint | null {
  return Number.isFinite(usd) && usd >= 0 ? (nanosOf(usd.toFixed(9)) ?? null) : null;
}

/** Bucket by bucket. What one of them does not price apart is billed as something dearer, and so is not priced apart. */
function highest(a: Price, b: Price): Price {
  const above = new Set(
    [...(a.tiers ?? []), ...(b.tiers ?? [])].map(({ aboveInputTokens }) => aboveInputTokens),
  );
  const tiers = [...above]
    .sort((x, y) => x - y)
    .map((aboveInputTokens) => ({
      aboveInputTokens,
      rates: highestRates(ratesAbove(a, aboveInputTokens), ratesAbove(b, aboveInputTokens)),
    }));
  const perSearch = max(a.perSearch ?? 0n, b.perSearch ?? 0n);
  return {
    ...highestRates(a, b),
    ...(tiers.length === 0 ? {} : { tiers }),
    ...(perSearch === 0n ? {} : { perSearch }),
  };
}

function ratesAbove(price: Price, tokens: number): Rates {
  return price.tiers?.findLast(({ aboveInputTokens }) => tokens >= aboveInputTokens)?.rates ?? price;
}

function highestRates(a: Rates, b: Rates): Rates {
  const both = (bucket: keyof Rates) => {
    const [one, other] = [a[bucket] ?? null, b[bucket] ?? null];
    return one === null || other === null ? null : max(one, other);
  };
  const rates = Object.fromEntries(
    Object.values(BUCKET_OF).flatMap((bucket) => {
      const nanos = both(bucket);
      return nanos === null ? [] : [[bucket, nanos]];
    }),
  );
  return {
    ...{ input: both("input"), cacheRead: both("cacheRead"), cacheWrite: both("cacheWrite") },
    output: both("output"),
    ...rates,
  };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** What is read out of figures: integers that can be added and compared, and the words for them. */
import type { UsageFigures } from "@claviger/shared/api/usage";
import { count, dollars } from "../words/format.ts";
import type { Metric } from "./search.ts";

export const TOKEN_NAMES = [
  ...(["inputTokens", "cacheReadTokens", "cacheWriteTokens", "cacheWriteLongTokens"] as const),
  ...(["outputTokens", "reasoningTokens", "audioInputTokens", "audioOutputTokens"] as const),
  ...(["imageInputTokens", "imageOutputTokens"] as const),
] as const satisfies readonly (keyof UsageFigures)[];

export function tokensOf(figures: UsageFigures): number {
  return TOKEN_NAMES.reduce((sum, name) => sum + figures[name], 0);
}

/** An integer: nano-dollars of money, a count of everything else. */
export function figureOf(figures: UsageFigures, metric: Metric): number {
  if (metric === "spentUsd") return nanosOf(figures.spentUsd);
  return metric === "tokens" ? tokensOf(figures) : figures[metric];
}

/** A value as it is read: `$12.50`, `18.2k`. */
export function shown(value: number, metric: Metric): string {
  return metric === "spentUsd" ? dollars(decimalOf(value)) : count(Math.round(value));
}

/** A value beside an axis: without zeros that say nothing. */
export function onAxis(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

/** The exact value, for those who hover. */
export function exactly(value: number, metric: Metric): string {
  if (metric !== "spentUsd") return value.toLocaleString("en-US");
  return `$${decimalOf(value).replace(/\.?0+$/, "")}`;
}

/** Between decimal text and integers by their digits: a float of dollars has not enough of them. */
const DIGITS = 9;

/** Integer nano-dollars of decimal text. */
export function nanosOf(usd: string): number {
  const [whole = "0", fraction = ""] = usd.split(".");
  return Number(`${whole}${fraction.padEnd(DIGITS, "0")}`);
}

function decimalOf(nanos: number): string {
  const digits = String(Math.round(nanos)).padStart(DIGITS + 1, "0");
  return `${digits.slice(0, -DIGITS)}.${digits.slice(-DIGITS)}`;
}

/** `0.31 %`; null of nothing. */
export function shareOf(part: number, whole: number): string | null {
  if (whole === 0) return null;
  const percent = (part / whole) * 100;
  return `${percent.toFixed(percent === 0 || percent >= 99.95 ? 0 : percent < 10 ? 2 : 1)} %`;
}

/** A percentile's duration with its unit: `≈8 ms`, `≈350 ms`, `≈2.51 s`. They are known within 5 %. */
export function duration(ms: number | null): { readonly text: string; readonly unit: string } | null {
  if (ms === null) return null;
  if (ms < 1_000) return { text: `≈${Math.round(ms)}`, unit: "ms" };
  return { text: `≈${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)}`, unit: "s" };
}

/** Everything that was read from caches, of everything that was read. */
export function cachedShare(figures: UsageFigures): string | null {
  const { inputTokens, cacheReadTokens, cacheWriteTokens, cacheWriteLongTokens } = figures;
  const read = inputTokens + cacheReadTokens + cacheWriteTokens + cacheWriteLongTokens;
  return shareOf(cacheReadTokens, read + figures.audioInputTokens + figures.imageInputTokens);
}

/** How much more or less than before, as `+6.2 %`; null when there was nothing before. */
export function changeOf(now: number, before: number | undefined): string | null {
  if (before === undefined || before === 0) return null;
  const percent = ((now - before) / before) * 100;
  if (Math.abs(percent) >= 1_000) return `×${(now / before).toFixed(0)}`;
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(1)} %`;
}

/** No price is known for any of these requests, so there is no cost to show. */
export function isUnpriced(figures: UsageFigures): boolean {
  return attemptsOf(figures) > 0 && figures.unpricedRequests === attemptsOf(figures);
}

/** What can fail and can have a price: a request once, and each of its retries. */
export function attemptsOf({ requests, retries }: UsageFigures): number {
  return requests + retries;
}

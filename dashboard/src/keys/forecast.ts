/** Where a budget goes at the pace it is spent: a straight line from now, which its cap ends. */
import type { BudgetPeriod } from "@claviger/shared/api/budget";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAYS_SHOWN_MAX = 60;

export interface Window {
  readonly fromMs: number;
  /** The end of the period; of a budget without periods, as far ahead as it is looked back. */
  readonly toMs: number;
  readonly stepMs: number;
}

/** The period in force, in steps that a chart can show. Periods begin in UTC. */
export function windowOf(
  period: BudgetPeriod,
  endsAt: string | null,
  createdAt: string,
  nowMs: number,
): Window {
  const day = (atMs: number) => Math.floor(atMs / DAY_MS) * DAY_MS;
  if (endsAt === null || period === "total") {
    const fromMs = Math.max(day(Date.parse(createdAt)), day(nowMs) - (DAYS_SHOWN_MAX / 2 - 1) * DAY_MS);
    const days = Math.max(7, (day(nowMs) - fromMs) / DAY_MS + 1);
    return { fromMs, toMs: day(nowMs) + DAY_MS + days * DAY_MS, stepMs: DAY_MS };
  }
  const toMs = Date.parse(endsAt);
  if (period === "daily") return { fromMs: toMs - DAY_MS, toMs, stepMs: HOUR_MS };
  if (period === "weekly") return { fromMs: toMs - 7 * DAY_MS, toMs, stepMs: DAY_MS };
  const end = new Date(toMs);
  const fromMs = Date.UTC(end.getUTCFullYear(), end.getUTCMonth() - 1, end.getUTCDate());
  return { fromMs, toMs, stepMs: DAY_MS };
}

export interface Forecast {
  /** Spent at the end of each step, from the first; NaN ahead of now. */
  readonly spent: readonly number[];
  /** From now to the end of the window, never above the cap; NaN before now. */
  readonly ahead: readonly number[];
  /** When the cap is reached; null when it is not, within the window. */
  readonly reachedAtMs: number | null;
}

/** `spentPer`: what each step has cost, in nano-dollars; those ahead of now are not looked at. */
export function forecastOf(
  { fromMs, toMs, stepMs }: Window,
  spentPer: readonly number[],
  capNanos: number,
  nowMs: number,
): Forecast {
  const steps = Math.ceil((toMs - fromMs) / stepMs);
  const now = Math.min(steps - 1, Math.floor((nowMs - fromMs) / stepMs));
  let sum = 0;
  const spent = Array.from({ length: steps }, (_, n) => {
    if (n > now) return Number.NaN;
    sum += spentPer[n] ?? 0;
    return sum;
  });
  const passedMs = Math.max(stepMs, nowMs - fromMs);
  const perMs = sum / passedMs;
  const ahead = Array.from({ length: steps }, (_, n) => {
    if (n < now) return Number.NaN;
    const atMs = n === now ? nowMs : fromMs + (n + 1) * stepMs;
    return Math.min(Math.max(capNanos, sum), sum + perMs * (atMs - nowMs));
  });
  const leftMs = perMs === 0 ? Number.POSITIVE_INFINITY : (capNanos - sum) / perMs;
  const reachedAtMs = nowMs + Math.max(0, leftMs);
  return { spent, ahead, reachedAtMs: reachedAtMs < toMs ? reachedAtMs : null };
}

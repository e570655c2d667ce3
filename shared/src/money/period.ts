/**
 * The calendar of budgets: UTC, weeks from Monday. The bargain: which period an instant is in follows from the instant
 * alone, so that nothing is ever reset and every machine agrees; spent money is kept per period.
 */

export type Period = "total" | "daily" | "weekly" | "monthly";

/** `[startMs, endMs)` in milliseconds since the epoch; `endMs` null: without end. */
export interface PeriodWindow {
  readonly startMs: number;
  readonly endMs: number | null;
}

const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday; the Monday before it is three days earlier. */
const MONDAY_MS = -3 * DAY_MS;

/** The window of this period that holds the instant; `total` has one, for ever. */
export function windowOf(period: Period, atMs: number): PeriodWindow {
  switch (period) {
    case "total":
      return { startMs: 0, endMs: null };
    case "daily":
      return sliceOfTime(0, DAY_MS, atMs);
    case "weekly":
      return sliceOfTime(MONDAY_MS, 7 * DAY_MS, atMs);
    case "monthly": {
      const at = new Date(atMs);
      const year = at.getUTCFullYear();
      const month = at.getUTCMonth();
      return { startMs: Date.UTC(year, month, 1), endMs: Date.UTC(year, month + 1, 1) };
    }
  }
}

/** The window after this one; null after the last. */
export function windowAfter(period: Period, window: PeriodWindow): PeriodWindow | null {
  return window.endMs === null ? null : windowOf(period, window.endMs);
}

/** From here on slices of the next window are issued ahead: its last tenth, at most an hour. null: never. */
export function issuesAheadFromMs({ startMs, endMs }: PeriodWindow): number | null {
  return endMs === null ? null : endMs - Math.min(3_600_000, Math.floor((endMs - startMs) / 10));
}

function sliceOfTime(originMs: number, lengthMs: number, atMs: number): PeriodWindow {
  const startMs = originMs + Math.floor((atMs - originMs) / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}

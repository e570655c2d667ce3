/** From a range's name to instants. All in UTC, as usage is counted; a day begins at 00:00Z. */
import type { UsageInterval } from "@claviger/shared/api/usage";
import type { UsageSearch } from "./search.ts";

export const INTERVAL_MS: Readonly<Record<UsageInterval, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** What one page of the API holds, and about what a chart can show. */
const POINTS_MAX = 200;

export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  /** From this range back to the one that it is compared with. */
  readonly backMs: number;
  /** Intervals that it may be shown by, and the one that it is. */
  readonly intervals: readonly UsageInterval[];
  readonly per: UsageInterval;
}

const presets = {
  "1h": { interval: "minute", count: 60 },
  "24h": { interval: "hour", count: 24 },
  "7d": { interval: "day", count: 7 },
  "30d": { interval: "day", count: 30 },
  "90d": { interval: "day", count: 90 },
} as const;

/** The range up to now, whole intervals with the present one; of days that were named, those. */
export function rangeOf(search: Pick<UsageSearch, "range" | "from" | "to" | "per">, nowMs: number): Range {
  const { fromMs, toMs, lengthMs, wanted } = boundsOf(search, nowMs);
  const fitting = (["day", "hour", "minute"] as const).filter((interval) => {
    const points = lengthMs / INTERVAL_MS[interval];
    return points <= POINTS_MAX && points >= 2;
  });
  const intervals = fitting.length === 0 ? (["day"] as const) : fitting;
  const [first = "day"] = intervals;
  const per = intervals.find((one) => one === search.per) ?? intervals.find((one) => one === wanted) ?? first;
  return { fromMs, toMs, backMs: lengthMs, intervals, per };
}

function boundsOf({ range, from, to }: Pick<UsageSearch, "range" | "from" | "to">, nowMs: number) {
  // To the end of the present minute: an address of a question that stays the same for a while.
  const upMs = Math.ceil((nowMs + 1) / INTERVAL_MS.minute) * INTERVAL_MS.minute;
  if (range === "custom" && from !== undefined && to !== undefined) {
    const [one, other] = [Date.parse(from), Date.parse(to)].sort((a, b) => a - b) as [number, number];
    const lengthMs = other - one + INTERVAL_MS.day;
    return { fromMs: one, toMs: one + lengthMs, lengthMs, wanted: "day" as const };
  }
  const { interval, count } = presets[range === "custom" ? "30d" : range];
  const step = INTERVAL_MS[interval];
  const fromMs = (Math.floor(nowMs / step) - count + 1) * step;
  return { fromMs, toMs: upMs, lengthMs: count * step, wanted: interval };
}

/** The start of each interval of a range, oldest first. */
export function bucketsOf({ fromMs, toMs, per }: Pick<Range, "fromMs" | "toMs" | "per">): number[] {
  const step = INTERVAL_MS[per];
  const first = Math.floor(fromMs / step) * step;
  return Array.from({ length: Math.max(1, Math.ceil((toMs - first) / step)) }, (_, n) => first + n * step);
}

/** `20 Nov`, `14:00` or `14:05`, in UTC. */
export function tickOf(atMs: number, per: UsageInterval): string {
  const date = new Date(atMs);
  const midnight = atMs % INTERVAL_MS.day === 0;
  if (per === "day" || midnight) {
    return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  }
  return date.toISOString().slice(11, 16);
}

/** `Thu 20 Nov`, with the time of day where that matters. */
export function momentOf(atMs: number, per: UsageInterval): string {
  const options = { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" } as const;
  const text = new Date(atMs).toLocaleDateString("en-GB", options).replace(",", "");
  return per === "day" ? text : `${text}, ${new Date(atMs).toISOString().slice(11, 16)}`;
}

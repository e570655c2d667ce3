/** What the address says about usage. A link restores the view; what is not understood falls back to the default. */
import { usageGroups, usageIntervals, usageSorts } from "@claviger/shared/api/usage";

export const ranges = ["1h", "24h", "7d", "30d", "90d", "custom"] as const;
export type RangeName = (typeof ranges)[number];

export const metrics = ["spentUsd", "requests", "tokens", "errors", "refused"] as const;
export type Metric = (typeof metrics)[number];

/** Filters by the API's own names. */
export const filterNames = [
  "key",
  "gateway",
  "provider",
  "model",
  "owner",
  "project",
  "agent",
  "code",
] as const;
export type FilterName = (typeof filterNames)[number];

export interface UsageSearch {
  readonly range: RangeName;
  /** `2026-11-20`, both days included, in UTC: of a range that is `custom`. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** A dimension, or `metadata.X`. */
  readonly by: string;
  readonly per: (typeof usageIntervals)[number] | undefined;
  readonly show: Metric;
  /** Of the table; the largest of what is shown unless asked otherwise. */
  readonly sort: string | undefined;
  readonly after: string | undefined;
  /** Part of a key's name. */
  readonly q: string | undefined;
  /** `team=red`: a tag of the key's metadata. */
  readonly tag: string | undefined;
  readonly filters: Readonly<Partial<Record<FilterName, string>>>;
}

const day = /^\d{4}-\d\d-\d\d$/;

export function readUsageSearch(raw: Readonly<Record<string, string | undefined>>): UsageSearch {
  const named = filterNames.flatMap((name) => (raw[name] === undefined ? [] : [[name, raw[name]]]));
  const custom = [raw.from, raw.to].every((text) => text !== undefined && isDay(text));
  return {
    range: oneOf(ranges, custom ? "custom" : raw.range === "custom" ? undefined : raw.range) ?? "30d",
    from: custom ? raw.from : undefined,
    to: custom ? raw.to : undefined,
    by: raw.by !== undefined && isGroup(raw.by) ? raw.by : "key",
    per: oneOf(usageIntervals, raw.per),
    show: oneOf(metrics, raw.show) ?? "spentUsd",
    sort: raw.sort !== undefined && isSort(raw.sort) ? raw.sort : undefined,
    after: raw.after,
    q: raw.q,
    tag: raw.tag !== undefined && /^[^=]+=./.test(raw.tag) ? raw.tag : undefined,
    filters: Object.fromEntries(named),
  };
}

/** True when anything but time narrows the view. */
export function isNarrowed({ q, tag, filters }: UsageSearch): boolean {
  return q !== undefined || tag !== undefined || Object.keys(filters).length > 0;
}

function isDay(text: string): boolean {
  return day.test(text) && !Number.isNaN(Date.parse(text));
}

function isGroup(name: string): boolean {
  return usageGroups.some((known) => known === name) || /^metadata\.[^,]{1,128}$/.test(name);
}

function isSort(text: string): boolean {
  return usageSorts.some((known) => known === text.replace(/^-/, ""));
}

function oneOf<Word extends string>(known: readonly Word[], text: string | undefined): Word | undefined {
  return known.find((word) => word === text);
}

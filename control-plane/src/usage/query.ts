/** From what was asked to the rows of the roll-ups: each instant of the range is counted once, in the coarsest grain that fits. */
import { ApiProblem } from "@claviger/shared/api/problem";
import type { UsageGroup, UsageInterval, UsageSort } from "@claviger/shared/api/usage";
import { type SQL, sql } from "drizzle-orm";
import { type Grain, keptMsOf } from "../db/partitions.ts";

export interface UsageFilter {
  readonly key?: string | undefined;
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  /** Id or name. */
  readonly gateway?: string | undefined;
  readonly owner?: string | undefined;
  readonly project?: string | undefined;
  readonly agent?: string | undefined;
  readonly code?: string | undefined;
  /** Part of a key's name or preview. */
  readonly search?: string | undefined;
  /** Tags of the key's metadata, as text. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

const FILTERS = [
  ...(["key", "model", "provider", "gateway", "owner", "project", "agent", "code", "search"] as const),
  "metadata",
] as const satisfies readonly (keyof UsageFilter)[];

export interface UsageQuery extends UsageFilter {
  readonly fromMs: number;
  readonly toMs: number;
  readonly interval?: UsageInterval | undefined;
  readonly groups: readonly UsageGroup[];
  /** Of a query without an interval; those with most requests first when absent. */
  readonly sort?: { readonly by: UsageSort | "group"; readonly descending: boolean } | undefined;
}

const MS: Readonly<Record<Grain, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

export interface Piece {
  readonly grain: Grain;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The finest grain in which the whole range is still there; the range is widened to its bounds. An interval finer than
 * that is refused.
 */
export function wholeRange(
  query: Pick<UsageQuery, "fromMs" | "toMs" | "interval">,
  nowMs: number,
): { readonly fromMs: number; readonly toMs: number; readonly finest: Grain } {
  const finest = (["minute", "hour", "day"] as const).find((grain) => {
    const keptMs = keptMsOf(grain);
    return keptMs === null || query.fromMs >= nowMs - keptMs;
  });
  if (finest === undefined) throw new Error("a grain is kept for ever");
  const { interval } = query;
  if (interval !== undefined && MS[interval] < MS[finest]) {
    const days = (keptMsOf(interval) ?? 0) / MS.day;
    const detail = `Figures by the ${interval} are kept for ${days} days; ask for a later from or for "${finest}".`;
    throw new ApiProblem([{ code: "invalid_value", detail, parameter: "interval" }]);
  }
  const step = MS[finest];
  return {
    fromMs: Math.floor(query.fromMs / step) * step,
    toMs: Math.ceil(query.toMs / step) * step,
    finest,
  };
}

/** Ranges that follow each other without a gap: coarse ones inside, finer ones at the edges. */
export function piecesOf(fromMs: number, toMs: number, finest: Grain, coarsest: Grain): Piece[] {
  const finer = { day: "hour", hour: "minute", minute: undefined } as const;
  const step = MS[coarsest];
  const [innerFrom, innerTo] = [Math.ceil(fromMs / step) * step, Math.floor(toMs / step) * step];
  const next = coarsest === finest ? undefined : finer[coarsest];
  if (next === undefined) return fromMs < toMs ? [{ grain: coarsest, fromMs, toMs }] : [];
  if (innerFrom >= innerTo) return piecesOf(fromMs, toMs, finest, next);
  return [
    ...piecesOf(fromMs, innerFrom, finest, next),
    { grain: coarsest, fromMs: innerFrom, toMs: innerTo },
    ...piecesOf(innerTo, toMs, finest, next),
  ];
}

/**
 * The organization's rows of these pieces, as a table: each piece is read by its own index of its own partitions. What is
 * asked of one key, over however long a time, reads that key's rows and no others.
 */
export function rowsOf(orgId: string, pieces: readonly Piece[], query: UsageFilter): SQL {
  const few = query.key !== undefined || query.agent !== undefined || query.search !== undefined;
  const only = few
    ? sql`and dimension_id = any (array (select d.id from usage_dimension d where ${dimensionWhere(orgId, query)}))`
    : sql``;
  const time = (ms: number) => sql`${new Date(ms).toISOString()}::timestamptz`;
  const each = pieces.map(
    ({ grain, fromMs, toMs }) => sql`select * from usage_rollup
      where org_id = ${orgId} and grain = ${grain} and at >= ${time(fromMs)} and at < ${time(toMs)}
        ${only}`,
  );
  return each.length === 0
    ? sql`(select * from usage_rollup where false)`
    : sql`(${sql.join(each, sql` union all `)})`;
}

/** True when figures cannot be told without knowing what they are counted under. */
export function needsDimension({ groups, ...query }: UsageQuery): boolean {
  return groups.length > 0 || FILTERS.some((name) => query[name] !== undefined);
}

/** Which rows of `usage_dimension d` the filters leave. */
export function dimensionWhere(orgId: string, filter: UsageFilter): SQL {
  const { gateway, search, metadata = {} } = filter;
  const plain = (["key", "owner", "project", "agent"] as const).map((name) =>
    filter[name] === undefined ? undefined : sql`d.${sql.raw(name)}_id = ${filter[name]}`,
  );
  const words = (["model", "provider", "code"] as const).map((name) =>
    filter[name] === undefined ? undefined : sql`d.${sql.raw(name)} = ${filter[name]}`,
  );
  const tags = Object.entries(metadata).map(
    ([name, value]) => sql`d.metadata ->> ${name}::text = ${value}::text`,
  );
  const pattern = `%${(search ?? "").replace(/[\\%_]/g, "\\$&")}%`;
  const conditions = [
    sql`d.org_id = ${orgId}`,
    ...plain,
    ...words,
    ...tags,
    gateway === undefined
      ? undefined
      : sql`d.gateway_id in (select id from gateway g where g.org_id = ${orgId} and (g.id = ${gateway} or g.name = ${gateway}))`,
    search === undefined
      ? undefined
      : sql`d.key_id in (select id from api_key k where k.org_id = ${orgId}
          and (k.name ilike ${pattern} or k.preview ilike ${pattern}))`,
  ];
  return sql.join(
    conditions.filter((condition) => condition !== undefined),
    sql` and `,
  );
}

/** The value that a row is grouped by. */
export function groupValue(group: UsageGroup): SQL {
  if (group.startsWith("metadata.")) return sql`d.metadata ->> ${group.slice("metadata.".length)}::text`;
  if (group === "model" || group === "provider" || group === "code") return sql`d.${sql.raw(group)}`;
  return sql`d.${sql.raw(group)}_id`;
}

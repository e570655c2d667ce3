import type { ListQuery } from "@claviger/shared/api/list";
import type { Resource } from "@claviger/shared/api/resource";
import type { UsageFigures, UsageGroup, UsageView } from "@claviger/shared/api/usage";
import { usdOf } from "@claviger/shared/money/cost";
import { type SQL, sql } from "drizzle-orm";
import { type Order, pageOf, pageWhere } from "../db/page.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { askUsage } from "./desk.ts";
import { FIGURES } from "./figures.ts";
import { percentileOf } from "./histogram.ts";
import {
  dimensionWhere,
  groupValue,
  needsDimension,
  piecesOf,
  rowsOf,
  type UsageQuery,
  wholeRange,
} from "./query.ts";

export type UsageResource = Resource<UsageView>;

export interface UsagePage {
  readonly resources: readonly UsageResource[];
  readonly next: string | null;
  readonly meta: { readonly from: string; readonly to: string; readonly total: number };
}

interface Row extends Record<string, unknown> {
  readonly at_ms: string | null;
  readonly id: string;
  readonly names: Record<string, string> | null;
  readonly sort_value: string;
  readonly total: string;
  readonly latency: Record<string, number> | null;
  readonly first_byte: Record<string, number> | null;
}

/** One page of the figures, when it is the organization's turn (`askUsage`): by time when an interval was asked for, otherwise in the order of `sort`. */
export async function listUsage(
  ports: Pick<Ports, "db" | "clock">,
  caller: Pick<Caller, "organizationId">,
  query: UsageQuery,
  page: ListQuery,
  goesOn = false,
): Promise<UsagePage> {
  const { fromMs, toMs, finest } = wholeRange(query, ports.clock.nowMs());
  const { interval, groups } = query;
  const pieces = piecesOf(fromMs, toMs, finest, interval ?? "day");
  const order = orderOf(query);
  const paged = pageWhere(order, page);
  const orgId = caller.organizationId;
  const join = needsDimension(query)
    ? sql`join usage_dimension d on d.id = r.dimension_id where ${dimensionWhere(orgId, query)}`
    : sql``;
  const read = sql`
    with counted as materialized (
      select ${instantOf(interval)} as at_ms, ${idOf(groups)} as id, r.*
      from ${rowsOf(orgId, pieces, query)} r ${join}
    ), g as (
      select at_ms, id, ${SUMS} from counted group by at_ms, id
    ), page as (
      select g.*, ${paged.value} as sort_value, (select count(*) from g) as total from g
      where ${paged.where ?? sql`true`} order by ${sql.join(paged.orderBy, sql`, `)} limit ${page.size + 1}
    ), ${histogram("latency")}, ${histogram("first_byte")}
    select page.*, latency.counts as latency, first_byte.counts as first_byte, ${namesOf(orgId, groups)} as names
    from page left join latency using (at_ms, id) left join first_byte using (at_ms, id)
    order by ${order.descending ? sql`sort_value desc, id desc` : sql`sort_value, id`}`;
  const rows = await askUsage(ports, orgId, (tx) => tx.execute<Row>(read), { goesOn });
  const cut = pageOf(rows, page.size, (row) => [row.sort_value, row.id]);
  return {
    resources: cut.rows.map((row) => usageResource(row, groups)),
    next: cut.next,
    meta: {
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      total: Number(rows[0]?.total ?? 0),
    },
  };
}

function orderOf({ interval, sort = { by: "requests", descending: true } }: UsageQuery): Order {
  const id = sql.raw("g.id");
  if (interval !== undefined) return { expr: sql.raw("g.at_ms"), id, kind: "number", descending: false };
  // The group's own values: an order that does not move while usage comes in.
  if (sort.by === "group") return { expr: sql.raw("0"), id, kind: "number", descending: false };
  if (sort.by === "tokens")
    return { expr: sql.raw(`(${TOKENS})`), id, kind: "number", descending: sort.descending };
  const figure = FIGURES.find(({ name }) => name === sort.by);
  const expr = sql.raw(`g.${figure?.column ?? "cost_n"}`);
  return { expr, id, kind: "number", descending: sort.descending };
}

const TOKENS = FIGURES.filter(({ column }) => column.endsWith("_tokens"))
  .map(({ column }) => `g.${column}`)
  .join(" + ");

const SUMS = sql.raw(
  [...FIGURES.map(({ column }) => column), "cost_n"].map((name) => `sum(${name}) as ${name}`).join(", "),
);

/** Start of the interval in milliseconds. */
function instantOf(interval: UsageQuery["interval"]): SQL {
  if (interval === undefined) return sql`0::numeric`;
  return sql`floor(extract(epoch from date_trunc(${interval}::text, r.at, 'UTC')) * 1000)`;
}

/** The values of all groups, as the text of a JSON array: one for each distinct combination. */
function idOf(groups: readonly UsageGroup[]): SQL {
  return sql`jsonb_build_array(${sql.join(groups.map(groupValue), sql`, `)})::text`;
}

/** Counts by bucket of the rows of the page, each row of the roll-ups read once. */
function histogram(column: "latency" | "first_byte"): SQL {
  return sql.raw(`${column} as (
      select at_ms, id, jsonb_object_agg(bucket, n) as counts from (
        select at_ms, id, v >> 40 as bucket, sum(v & 1099511627775)::bigint as n
        from page join counted c using (at_ms, id), unnest(c.${column}) v group by 1, 2, 3
      ) buckets group by 1, 2
    )`);
}

const NAMED: Readonly<Record<string, string>> = {
  key: "api_key",
  agent: "api_key",
  gateway: "gateway",
  owner: "member",
  project: "project",
};

/** What people call the things that were grouped by; deleted ones keep their names. */
function namesOf(orgId: string, groups: readonly UsageGroup[]): SQL {
  const pairs = groups.flatMap((group, index) => {
    const table = NAMED[group];
    if (table === undefined) return [];
    const found = sql`(select n.name from ${sql.raw(table)} n
      where n.org_id = ${orgId} and n.id = page.id::jsonb ->> ${sql.raw(String(index))})`;
    return [sql`${group}::text`, found];
  });
  return sql`jsonb_strip_nulls(jsonb_build_object(${sql.join(pairs, sql`, `)}))`;
}

function usageResource(row: Row, groups: readonly UsageGroup[]): UsageResource {
  const values = JSON.parse(row.id) as (string | null)[];
  const at = Number(row.at_ms) === 0 ? null : new Date(Number(row.at_ms)).toISOString();
  const sums = Object.fromEntries(FIGURES.map(({ name, column }) => [name, Number(row[column])]));
  const [latency, firstByte] = [countsOf(row.latency), countsOf(row.first_byte)];
  const figures = {
    ...sums,
    spentUsd: usdOf(BigInt(String(row.cost_n))),
    latencyP50Ms: percentileOf(latency, 0.5),
    latencyP95Ms: percentileOf(latency, 0.95),
    firstByteP50Ms: percentileOf(firstByte, 0.5),
    firstByteP95Ms: percentileOf(firstByte, 0.95),
  } as UsageFigures;
  const group = Object.fromEntries(groups.map((name, index) => [name, values[index] ?? null]));
  const id = Buffer.from(JSON.stringify([at, ...values])).toString("base64url");
  return { type: "usage", id, attributes: { at, group, names: row.names ?? {}, ...figures } };
}

function countsOf(stored: Record<string, number> | null): Map<number, number> {
  return new Map(Object.entries(stored ?? {}).map(([bucket, count]) => [Number(bucket), Number(count)]));
}

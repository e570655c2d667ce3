import { Instant } from "@claviger/shared/api/attribute";
import { listQuery, pageParameters } from "@claviger/shared/api/list";
import { ApiProblem } from "@claviger/shared/api/problem";
import {
  type UsageGroup,
  type UsageSort,
  usageGroups,
  usageIntervals,
  usageSorts,
} from "@claviger/shared/api/usage";
import { Id } from "@claviger/shared/wire/scalars";
import * as z from "zod";
import type { Ports } from "../../ports.ts";
import type { Caller } from "../../sessions/caller.ts";
import { usageCsv } from "../../usage/csv.ts";
import { usageFreshness } from "../../usage/freshness.ts";
import { listUsage } from "../../usage/list.ts";
import type { UsageFilter, UsageQuery } from "../../usage/query.ts";
import { type Answer, memberRoute, type Route } from "../route.ts";

const DAY_MS = 86_400_000;
/** Of a query without `from`. */
const RANGE_DAYS = 30;
const GROUPS_MAX = 4;

const text = z.string().min(1).max(256).optional();
const isGroup = (name: string): name is UsageGroup =>
  usageGroups.some((known) => known === name) || /^metadata\.[^,]{1,128}$/.test(name);

const GroupBy = z
  .string()
  .transform((value) => value.split(","))
  .refine(
    (names) => names.every(isGroup) && names.length <= GROUPS_MAX && new Set(names).size === names.length,
    `must be up to ${GROUPS_MAX} different ones of ${usageGroups.join(", ")}, metadata.X, with commas between them`,
  )
  .transform((names) => names.filter(isGroup));

/** A key's tag: `filter[metadata.team]=red`. */
const TAG = /^filter\[metadata\.([^\]]{1,128})\]$/;

const Sort = z
  .string()
  .transform((value) => ({ by: value.replace(/^-/, ""), descending: value.startsWith("-") }))
  .refine(({ by }) => isSort(by), `must be one of ${usageSorts.join(", ")}, after "-" for the largest first`)
  .transform(({ by, descending }) => ({ by: by as UsageSort, descending }));
const isSort = (name: string): name is UsageSort => usageSorts.some((known) => known === name);

const known = {
  ...pageParameters,
  from: Instant.optional(),
  to: Instant.optional(),
  interval: z.enum(usageIntervals).optional(),
  groupBy: GroupBy.optional(),
  sort: Sort.optional(),
  "filter[key]": Id.optional(),
  "filter[owner]": Id.optional(),
  "filter[project]": Id.optional(),
  "filter[agent]": Id.optional(),
  /** Id or name. */
  "filter[gateway]": text,
  "filter[model]": text,
  "filter[provider]": text,
  "filter[code]": text,
  /** Part of a key's name or preview. */
  "filter[search]": text,
};

const UsageParameters = z
  .object(known)
  .catchall(z.string().max(256))
  .superRefine((given, context) => {
    const keys = Object.keys(given).filter((name) => !Object.hasOwn(known, name) && !TAG.test(name));
    if (keys.length > 0) context.addIssue({ code: "unrecognized_keys", keys, input: given });
  }) as unknown as z.ZodType<UsageParameters>;
type UsageParameters = z.infer<z.ZodObject<typeof known>>;

export const usageRoutes: readonly Route[] = [
  memberRoute<undefined, UsageParameters>({
    method: "GET",
    path: "/api/v1/usage",
    summary:
      "Requests, tokens, cost and latency by time and group, in UTC; all of it as CSV with Accept: text/csv",
    access: "viewer",
    body: { kind: "none" },
    query: UsageParameters,
    answers: "usage",
    handle: async ({ ports, caller, query, request }) => {
      const asked = askedOf(query, ports.clock.nowMs());
      if ((request.headers.get("accept") ?? "").includes("text/csv")) return csv(ports, caller, query, asked);
      const [list, complete] = await Promise.all([
        listUsage(ports, caller, asked, listQuery(query)),
        usageFreshness(ports, caller.organizationId),
      ]);
      return { kind: "list", ...list, meta: { ...list.meta, complete } };
    },
  }),
];

async function csv(ports: Ports, caller: Caller, query: UsageParameters, asked: UsageQuery): Promise<Answer> {
  for (const parameter of ["page[size]", "page[after]", "sort"] as const) {
    if (query[parameter] !== undefined) throw wrong(parameter, "A CSV has all rows, by time and group.");
  }
  const headers = {
    "content-type": "text/csv; charset=utf-8; header=present",
    "content-disposition": 'attachment; filename="usage.csv"',
    "cache-control": "no-store",
  };
  return { kind: "raw", response: new Response(await usageCsv(ports, caller, asked), { headers }) };
}

function askedOf(query: UsageParameters, nowMs: number): UsageQuery {
  const { interval, sort } = query;
  if (interval !== undefined && sort !== undefined) {
    throw wrong("sort", "With an interval the rows are in the order of time.");
  }
  const toMs = query.to?.getTime() ?? nowMs;
  const fromMs = query.from?.getTime() ?? toMs - RANGE_DAYS * DAY_MS;
  if (fromMs >= toMs) throw wrong("from", "from must be before to.");
  return { fromMs, toMs, ...filters(query), groups: query.groupBy ?? [], interval, sort };
}

function wrong(parameter: string, detail: string): ApiProblem {
  return new ApiProblem([{ code: "invalid_value", detail, parameter }]);
}

function filters(query: UsageParameters): UsageFilter {
  const tags = Object.entries(query).flatMap(([name, value]) => {
    const tag = TAG.exec(name)?.[1];
    return tag === undefined ? [] : [[tag, String(value)]];
  });
  return {
    key: query["filter[key]"],
    owner: query["filter[owner]"],
    project: query["filter[project]"],
    agent: query["filter[agent]"],
    gateway: query["filter[gateway]"],
    model: query["filter[model]"],
    provider: query["filter[provider]"],
    code: query["filter[code]"],
    search: query["filter[search]"],
    metadata: tags.length === 0 ? undefined : Object.fromEntries(tags),
  };
}

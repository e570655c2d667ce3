import { Instant } from "@claviger/shared/api/attribute";
import { listQuery, pageParameters } from "@claviger/shared/api/list";
import { ApiProblem } from "@claviger/shared/api/problem";
import { type UsageGroup, usageGroups, usageIntervals } from "@claviger/shared/api/usage";
import { Id } from "@claviger/shared/wire/scalars";
import * as z from "zod";
import { usageCsv } from "../../usage/csv.ts";
import { listUsage } from "../../usage/list.ts";
import { memberRoute, type Route } from "../route.ts";

const DAY_MS = 86_400_000;
/** Of a query without `from`. */
const RANGE_DAYS = 30;
const GROUPS_MAX = 4;
/** Rows of one CSV; the next ones are asked for with `page[after]` as of JSON. */
const CSV_ROWS = 10_000;

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

const UsageParameters = z.strictObject({
  ...pageParameters,
  from: Instant.optional(),
  to: Instant.optional(),
  interval: z.enum(usageIntervals).optional(),
  groupBy: GroupBy.optional(),
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
});
type UsageParameters = z.infer<typeof UsageParameters>;

export const usageRoutes: readonly Route[] = [
  memberRoute<undefined, UsageParameters>({
    method: "GET",
    path: "/api/v1/usage",
    summary: "Requests, tokens, cost and latency by time and group, in UTC; CSV with Accept: text/csv",
    access: "viewer",
    body: { kind: "none" },
    query: UsageParameters,
    answers: "usage",
    handle: async ({ ports, caller, query, request }) => {
      const groups = query.groupBy ?? [];
      const asked = {
        ...range(query, ports.clock.nowMs()),
        ...filters(query),
        groups,
        interval: query.interval,
      };
      if (!(request.headers.get("accept") ?? "").includes("text/csv")) {
        return { kind: "list", ...(await listUsage(ports, caller, asked, listQuery(query))) };
      }
      const page = { size: query["page[size]"] ?? CSV_ROWS, after: query["page[after]"] };
      const { resources, next } = await listUsage(ports, caller, asked, page);
      const headers = {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": 'attachment; filename="usage.csv"',
        "cache-control": "no-store",
        ...(next !== null && { "x-next-page": next }),
      };
      return { kind: "raw", response: new Response(usageCsv(resources, groups), { headers }) };
    },
  }),
];

function range(query: UsageParameters, nowMs: number): { fromMs: number; toMs: number } {
  const toMs = query.to?.getTime() ?? nowMs;
  const fromMs = query.from?.getTime() ?? toMs - RANGE_DAYS * DAY_MS;
  if (fromMs < toMs) return { fromMs, toMs };
  throw new ApiProblem([{ code: "invalid_value", detail: "from must be before to.", parameter: "from" }]);
}

function filters(query: UsageParameters) {
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
  };
}

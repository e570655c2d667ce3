import { ApiKeyStatus } from "@claviger/shared/api/api-key";
import { type ApiKeySort, apiKeySorts } from "@claviger/shared/api/api-key-list";
import type { ListQuery } from "@claviger/shared/api/list";
import { ApiProblem } from "@claviger/shared/api/problem";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq, ilike, or, type SQL, sql } from "drizzle-orm";
import { type Order, pageOf, pageWhere } from "../db/page.ts";
import { apiKey } from "../db/tables/api-key.ts";
import { keyUsage } from "../db/tables/key-usage.ts";
import { member } from "../db/tables/member.ts";
import type { Ports } from "../ports.ts";
import { findProject } from "../projects/find.ts";
import type { Caller } from "../sessions/caller.ts";
import { readKeyResource, selectFacts, toFacts, visibleKeys } from "./find.ts";
import type { KeyKind } from "./kind.ts";
import { safetyFilter } from "./safety.ts";
import { type KeyResource, keyResource } from "./view.ts";

export interface KeyQuery extends ListQuery {
  readonly status?: string | undefined;
  readonly search?: string | undefined;
  readonly owner?: string | undefined;
  readonly project?: string | undefined;
  readonly safety?: string | undefined;
  /** `-createdAt` when absent. */
  readonly sort?: string | undefined;
}

/** The last instant of Date: a key without an expiry comes after every other. */
const NEVER_MS = 8_640_000_000_000_000;

/** One page of the keys that match; `projectId` restricts it to a project, which must exist. */
export async function listKeys(
  ports: Ports,
  caller: Caller,
  query: KeyQuery,
  projectId?: string,
  kind: KeyKind = "key",
): Promise<Page<KeyResource>> {
  const { db } = ports;
  const orgId = caller.organizationId;
  const nowMs = ports.clock.nowMs();
  if (projectId !== undefined) await findProject(db, orgId, projectId);
  const matching = and(visibleKeys(orgId, kind), ...keyFilters(query, projectId, nowMs));
  const sort = readSort(query.sort);
  const paged = pageWhere(orderOf(sort, nowMs), query);
  // Two questions of one answer, asked at once: a person waits for the slower one, not for both.
  const [rows, total] = await Promise.all([
    selectFacts(db, orgId, nowMs, paged.value)
      .where(and(matching, paged.where))
      .orderBy(...paged.orderBy)
      .limit(query.size + 1),
    db.$count(apiKey, matching),
  ]);
  const page = pageOf(rows, query.size, (row) => [row.sortValue, row.key.id]);
  const resources = page.rows.map((row) => keyResource(toFacts(row), nowMs));
  return { resources, next: page.next, total };
}

/** One key and its revision. */
export function readKey(ports: Ports, caller: Caller, id: string, kind: KeyKind = "key") {
  return readKeyResource(ports.db, caller.organizationId, id, ports.clock.nowMs(), kind);
}

/** What a list's filters ask for; throws at the parameter that is none. */
export function keyFilters(
  query: KeyQuery,
  projectId: string | undefined,
  nowMs: number,
): (SQL | undefined)[] {
  const { search, owner, project } = query;
  const pattern = search === undefined ? undefined : `%${search.replace(/[\\%_]/g, "\\$&")}%`;
  return [
    projectId === undefined ? undefined : eq(apiKey.projectId, projectId),
    project === undefined ? undefined : eq(apiKey.projectId, project),
    owner === undefined ? undefined : eq(apiKey.ownerId, owner),
    pattern === undefined ? undefined : or(ilike(apiKey.name, pattern), ilike(apiKey.preview, pattern)),
    query.status === undefined ? undefined : statusFilter(query.status, nowMs),
    query.safety === undefined ? undefined : safetyFilter(query.safety, nowMs),
  ];
}

function statusFilter(text: string, nowMs: number): SQL | undefined {
  const wanted = text.split(",").map((word) => ApiKeyStatus.safeParse(word));
  if (!wanted.every((status) => status.success)) {
    throw wrongParameter("filter[status]", "active, inactive, expired, revoked");
  }
  return or(...wanted.map((status) => eq(shownStatus(nowMs), status.data)));
}

/** What `status` shows, computed where it is compared. */
function shownStatus(nowMs: number): SQL<string> {
  const now = new Date(nowMs).toISOString();
  return sql`case when ${apiKey.status} = 'active' and ${apiKey.expiresAt} <= ${now}::timestamptz
    then 'expired' else ${apiKey.status} end`;
}

function readSort(text = "-createdAt"): { by: ApiKeySort; descending: boolean } {
  const descending = text.startsWith("-");
  const by = apiKeySorts.find((name) => name === (descending ? text.slice(1) : text));
  if (by === undefined) throw wrongParameter("sort", `${apiKeySorts.join(", ")}, or one of them after "-"`);
  return { by, descending };
}

function orderOf({ by, descending }: { by: ApiKeySort; descending: boolean }, nowMs: number): Order {
  const order = (kind: Order["kind"], expr: Order["expr"]): Order => ({
    kind,
    expr,
    id: apiKey.id,
    descending,
  });
  const orders: Record<ApiKeySort, Order> = {
    name: order("text", sql`lower(${apiKey.name})`),
    owner: order("text", sql`lower(${member.name})`),
    status: order("text", shownStatus(nowMs)),
    requests: order("number", sql`coalesce(${keyUsage.requests}, 0)`),
    lastUsedAt: order("time", sql`coalesce(${keyUsage.lastUsedAt}, to_timestamp(0))`),
    createdAt: order("time", apiKey.createdAt),
    expiresAt: order(
      "number",
      sql`coalesce(floor(extract(epoch from ${apiKey.expiresAt}) * 1000), ${NEVER_MS}::numeric)`,
    ),
    spentUsd: order("number", sql`coalesce(${keyUsage.spentNanos}, 0)`),
  };
  return orders[by];
}

function wrongParameter(parameter: string, allowed: string): ApiProblem {
  const detail = `${parameter} takes ${allowed}.`;
  return new ApiProblem([{ code: "invalid_value", detail, parameter }]);
}

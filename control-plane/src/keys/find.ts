/** Reading keys, always inside one organization. */
import { BudgetPeriod } from "@claviger/shared/api/budget";
import { notFound } from "@claviger/shared/api/problem";
import { windowOf } from "@claviger/shared/money/period";
import { and, eq, inArray, ne, type SQL, sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { apiKey } from "../db/tables/api-key.ts";
import { budget } from "../db/tables/budget.ts";
import { budgetPeriod } from "../db/tables/budget-period.ts";
import { keyUsage } from "../db/tables/key-usage.ts";
import { member } from "../db/tables/member.ts";
import { type KeyKind, nouns } from "./kind.ts";
import type { KeyRow } from "./record.ts";
import { type KeyFacts, type KeyResource, keyResource } from "./view.ts";

/** What a caller can see at all: not deleted, not the hidden parent of a token. */
export function visibleKeys(orgId: string, kind: KeyKind = "key"): SQL | undefined {
  return and(eq(apiKey.orgId, orgId), ne(apiKey.status, "deleted"), eq(apiKey.kind, kind));
}

/** The row of a key or agent that is not deleted; `not_found` for everything else. */
export async function findKey(
  db: Queryable,
  orgId: string,
  id: string,
  kind: KeyKind = "key",
): Promise<KeyRow> {
  const [row] = await db
    .select()
    .from(apiKey)
    .where(and(visibleKeys(orgId, kind), eq(apiKey.id, id)));
  if (row === undefined) throw notFound(nouns[kind].label);
  return row;
}

/** Keys with what stands around them, and the value that a list sorts them by; narrow, order and limit as needed. */
export function selectFacts(db: Queryable, orgId: string, nowMs: number, sortValue: SQL<string> = sql`''`) {
  // The row that gateways are given money from at this instant: what is shown is what is enforced.
  const starts = BudgetPeriod.options.map(
    (period) => sql`when ${period} then ${windowOf(period, nowMs).startMs}::bigint`,
  );
  const inForce = sql`${budgetPeriod.startMs} = case ${budget.period} ${sql.join(starts, sql` `)} end`;
  // Summed only when a key that was used asks for its share: the sum grows with the organization.
  const requestsOfAll = sql<string>`case when ${keyUsage.requests} > 0
    then (select sum(requests) from key_usage where org_id = ${orgId}) else 0 end`;
  return db
    .select({
      key: apiKey,
      ownerName: member.name,
      budget: { limitUsd: budget.limitUsd, period: budget.period, thresholds: budget.thresholds },
      window: { spentN: budgetPeriod.spentN, openN: budgetPeriod.openN },
      requests: keyUsage.requests,
      spentNanos: keyUsage.spentNanos,
      unpriced: keyUsage.unpriced,
      lastUsedAt: keyUsage.lastUsedAt,
      requestsOfAll,
      sortValue,
    })
    .from(apiKey)
    .innerJoin(member, eq(member.id, apiKey.ownerId))
    .leftJoin(budget, and(eq(budget.id, apiKey.budgetId), eq(budget.orgId, apiKey.orgId)))
    .leftJoin(budgetPeriod, and(eq(budgetPeriod.budgetId, budget.id), inForce))
    .leftJoin(keyUsage, and(eq(keyUsage.keyId, apiKey.id), eq(keyUsage.orgId, apiKey.orgId)))
    .$dynamic();
}

type Selected = Awaited<ReturnType<typeof selectFacts>>[number];

export function toFacts(row: Selected): KeyFacts {
  return {
    ...row,
    requests: row.requests ?? 0,
    spentNanos: row.spentNanos ?? 0n,
    unpriced: row.unpriced ?? 0,
    requestsOfAll: Number(row.requestsOfAll),
  };
}

/** The public form of one key; `not_found` like `findKey`. */
export async function readKeyResource(
  db: Queryable,
  orgId: string,
  id: string,
  nowMs: number,
  kind: KeyKind = "key",
): Promise<{ resource: KeyResource; revision: string }> {
  const [row] = await selectFacts(db, orgId, nowMs).where(and(visibleKeys(orgId, kind), eq(apiKey.id, id)));
  if (row === undefined) throw notFound(nouns[kind].label);
  return { resource: keyResource(toFacts(row), nowMs), revision: row.key.revision };
}

/** Keys of these ids that are not deleted, hidden ones included: for changes that take keys along. */
export async function findKeysWhere(
  db: Queryable,
  orgId: string,
  by: { projectId: string } | { ownerId: string } | { ids: readonly string[] },
): Promise<KeyRow[]> {
  const condition =
    "projectId" in by
      ? eq(apiKey.projectId, by.projectId)
      : "ownerId" in by
        ? eq(apiKey.ownerId, by.ownerId)
        : inArray(apiKey.id, [...by.ids]);
  return db
    .select()
    .from(apiKey)
    .where(and(eq(apiKey.orgId, orgId), ne(apiKey.status, "deleted"), condition));
}

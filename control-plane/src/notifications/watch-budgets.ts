/** Budgets that have reached a threshold: once per period and threshold, whatever the limit becomes meanwhile. */
import { usdOf } from "@claviger/shared/money/cost";
import { sql } from "drizzle-orm";
import type { Tx } from "../fleet/journal.ts";
import type { Ports } from "../ports.ts";
import { apart } from "./apart.ts";
import { rulesOfAll } from "./rules.ts";
import { tell } from "./tell.ts";

interface Spent extends Record<string, unknown> {
  readonly budget_id: string;
  readonly org_id: string;
  readonly start_ms: string;
  readonly end_ms: string | null;
  readonly limit_n: string;
  readonly spent_n: string;
  readonly period: string;
  readonly thresholds: number[] | null;
  readonly scope: "key" | "project" | "organization";
  readonly scope_id: string;
  readonly name: string;
}

export async function watchBudgets(tx: Tx, ports: Ports): Promise<void> {
  const nowMs = ports.clock.nowMs();
  const rows = await tx.execute<Spent>(sql`
    select p.budget_id, p.org_id, p.start_ms, p.end_ms, p.limit_n, p.spent_n, b.period, b.thresholds,
      case when k.id is not null then 'key' when j.id is not null then 'project' else 'organization' end as scope,
      coalesce(k.id, j.id, o.id) as scope_id, coalesce(k.name, j.name, o.name) as name
    from budget_period p
    join budget b on b.id = p.budget_id
    left join api_key k on k.budget_id = b.id and k.status <> 'deleted'
    left join project j on j.budget_id = b.id and j.deleted_at is null
    left join organization o on o.budget_id = b.id
    where p.start_ms <= ${nowMs} and (p.end_ms is null or p.end_ms > ${nowMs})
      and p.limit_n > 0 and p.spent_n * 100 >= p.limit_n
      and coalesce(k.id, j.id, o.id) is not null`);
  if (rows.length === 0) return;
  const rulesOf = await rulesOfAll(tx);
  for (const row of rows) {
    const { enabled, thresholds } = rulesOf(row.org_id).budgetThreshold;
    if (!enabled) continue;
    const [spent, limit] = [BigInt(row.spent_n), BigInt(row.limit_n)];
    await apart(tx, ports, { orgId: row.org_id, budget: row.budget_id }, async (own) => {
      for (const threshold of row.thresholds ?? thresholds) {
        if (spent * 100n >= limit * BigInt(threshold)) await tellOf(own, ports, row, threshold);
      }
    });
  }
}

async function tellOf(tx: Tx, ports: Ports, row: Spent, threshold: number): Promise<void> {
  const [spentUsd, limitUsd] = [usdOf(BigInt(row.spent_n)), usdOf(BigInt(row.limit_n))];
  const until = row.end_ms === null ? "" : `, which ends at ${new Date(Number(row.end_ms)).toISOString()}`;
  const share = threshold === 100 ? "is used up" : `has reached ${threshold} %`;
  const noun = { key: "API key", project: "project", organization: "organization" }[row.scope];
  await tell(tx, ports, {
    ...{ orgId: row.org_id, kind: "budget.threshold" },
    occasion: `budget/${row.budget_id}/${row.start_ms}/${threshold}`,
    title: `The budget of ${noun} ${row.name} ${share}`,
    text: `$${spentUsd} of $${limitUsd} are spent in this period (${row.period})${until}.`,
    data: {
      ...{
        scope: row.scope,
        id: row.scope_id,
        name: row.name,
        threshold,
        spentUsd,
        limitUsd,
        period: row.period,
      },
      periodStart: new Date(Number(row.start_ms)).toISOString(),
    },
  });
}

/** The three budget attributes that keys, projects and organizations share. */

import { type BudgetInput, type BudgetView, readUsd } from "@claviger/shared/api/budget";
import { invalidAttribute } from "@claviger/shared/api/problem";
import { and, eq } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { newId } from "../db/new-id.ts";
import { budget } from "../db/tables/budget.ts";
import { setLimit } from "../fleet/escrow/limit.ts";
import type { Tx } from "../fleet/journal.ts";
import type { Effect } from "../fleet/journal-types.ts";
import type { Ports } from "../ports.ts";

export type BudgetRow = typeof budget.$inferSelect;

/** The row behind an id of this organization. */
export async function readBudget(db: Queryable, orgId: string, id: string | null): Promise<BudgetRow | null> {
  if (id === null) return null;
  const [row] = await db
    .select()
    .from(budget)
    .where(and(eq(budget.orgId, orgId), eq(budget.id, id)));
  return row ?? null;
}

export function budgetView(row: BudgetRow | null): BudgetView {
  return {
    budgetUsd: row?.limitUsd ?? null,
    budgetPeriod: row?.period ?? null,
    budgetAlertThresholds: row?.thresholds ?? null,
  };
}

/** Writes what was asked for over what is; the effect is that of the limit, which no record carries. */
export async function setBudget(
  tx: Tx,
  ports: Ports,
  orgId: string,
  budgetId: string | null,
  input: BudgetInput,
): Promise<{ budgetId: string | null; effect: Effect }> {
  const before = await readBudget(tx, orgId, budgetId);
  const limitUsd = input.budgetUsd === undefined ? (before?.limitUsd ?? null) : input.budgetUsd;
  if (limitUsd === null) {
    refuseOrphans(input);
    if (before === null) return { budgetId: null, effect: "neutral" };
    await tx.delete(budget).where(and(eq(budget.orgId, orgId), eq(budget.id, before.id)));
    return { budgetId: null, effect: "giving" };
  }
  const limitN = readUsd(limitUsd);
  if (limitN === undefined) throw new Error("a budget passed its schema and is no amount");
  const period = input.budgetPeriod ?? before?.period ?? "total";
  const thresholds =
    input.budgetAlertThresholds === undefined ? (before?.thresholds ?? null) : input.budgetAlertThresholds;
  // Another calendar is another budget: its windows are others, and slices of the ones before end with them.
  const replaces = before !== null && period !== before.period;
  if (replaces) await tx.delete(budget).where(and(eq(budget.orgId, orgId), eq(budget.id, before.id)));
  if (before === null || replaces) {
    const id = newId(ports.random, "bud");
    await tx.insert(budget).values({ id, orgId, limitN, limitUsd, period, thresholds });
    return { budgetId: id, effect: "restrictive" };
  }
  await tx
    .update(budget)
    .set({ limitN, limitUsd, period, thresholds })
    .where(and(eq(budget.orgId, orgId), eq(budget.id, before.id)));
  if (limitN !== before.limitN) await setLimit(tx, orgId, { id: before.id, period, limit: limitN });
  return { budgetId: before.id, effect: effectOfLimit(before, limitN) };
}

function refuseOrphans(input: BudgetInput): void {
  if (input.budgetPeriod) throw invalidAttribute("budgetPeriod", "budgetPeriod needs a budgetUsd.");
  if (input.budgetAlertThresholds?.length) {
    throw invalidAttribute("budgetAlertThresholds", "budgetAlertThresholds needs a budgetUsd.");
  }
}

function effectOfLimit(before: BudgetRow, limitN: bigint): Effect {
  if (limitN < before.limitN) return "restrictive";
  return limitN > before.limitN ? "giving" : "neutral";
}

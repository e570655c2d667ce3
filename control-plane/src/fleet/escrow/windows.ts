/**
 * The ledger's rows as the pure rules of `escrow/` know them (`@claviger/shared/escrow/budget-row`). The bargain: money
 * moves only under the lock of its window's row, and whoever takes several takes them here, in one go and one order.
 *
 * Order of locks, for all who take more than one: the organization's head, replicas by id, the replica's cursor of
 * usage, windows by budget and start; slices, demand and the sums of keys after them. A window's lock covers its slices.
 */
import type { BudgetRow } from "@claviger/shared/escrow/budget-row";
import { sql } from "drizzle-orm";
import type { Queryable } from "../../db/database.ts";
import type { Tx } from "../journal.ts";

/** A window, by what names it. */
export interface WindowKey {
  readonly budget: string;
  readonly startMs: number;
}

/** A window that may not be there yet. */
export interface NewWindow extends WindowKey {
  readonly endMs: number | null;
  readonly limit: bigint;
}

/** Names a window in a map. */
export function keyOf({ budget, startMs }: WindowKey): string {
  return `${budget}@${startMs}`;
}

/** Makes the windows that are not there yet, with nothing spent. */
export async function ensureWindows(tx: Tx, orgId: string, windows: readonly NewWindow[]): Promise<void> {
  if (windows.length === 0) return;
  const rows = windows.map(({ budget, startMs, endMs, limit }) => ({
    ...{ budget, start_ms: startMs, end_ms: endMs },
    limit: limit.toString(),
  }));
  await tx.execute(sql`
    insert into budget_period (budget_id, start_ms, end_ms, org_id, limit_n, spent_n, open_n, shrinking)
    select w.budget, w.start_ms, w.end_ms, ${orgId}, w.limit, 0, 0, false
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as w (budget text, start_ms bigint, end_ms bigint, "limit" bigint)
    order by w.budget collate "C", w.start_ms
    on conflict (budget_id, start_ms) do nothing`);
}

interface RawWindow extends Record<string, unknown> {
  budget_id: string;
  start_ms: string;
  end_ms: string | null;
  limit_n: string;
  spent_n: string;
  open_n: string;
  shrinking: boolean;
}

/** Locks windows of this organization, in their order, and returns them by `keyOf`; those that are not there are left out. */
export async function lockWindows(
  tx: Tx,
  orgId: string,
  keys: readonly WindowKey[],
): Promise<Map<string, BudgetRow>> {
  if (keys.length === 0) return new Map();
  const wanted = keys.map(({ budget, startMs }) => ({ budget, start_ms: startMs }));
  const rows = await tx.execute<RawWindow>(sql`
    select budget_id, start_ms, end_ms, limit_n, spent_n, open_n, shrinking from budget_period
    where org_id = ${orgId} and (budget_id, start_ms) in (
      select w.budget, w.start_ms
      from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) as w (budget text, start_ms bigint))
    order by budget_id collate "C", start_ms for update`);
  return windowsByKey(rows);
}

/** Locks the windows of one budget that begin at this moment or later. */
export async function lockWindowsFrom(
  tx: Tx,
  orgId: string,
  { budget, startMs }: WindowKey,
): Promise<BudgetRow[]> {
  const rows = await tx.execute<RawWindow>(sql`
    select budget_id, start_ms, end_ms, limit_n, spent_n, open_n, shrinking from budget_period
    where org_id = ${orgId} and budget_id = ${budget} and start_ms >= ${startMs} order by start_ms for update`);
  return [...windowsByKey(rows).values()];
}

/** The same without a lock: for figures, and for finding out whether there is anything to do. */
export async function readWindows(
  db: Queryable,
  orgId: string,
  budgets: readonly string[],
): Promise<Map<string, BudgetRow>> {
  if (budgets.length === 0) return new Map();
  const rows = await db.execute<RawWindow>(sql`
    select budget_id, start_ms, end_ms, limit_n, spent_n, open_n, shrinking from budget_period
    where org_id = ${orgId} and budget_id in (select jsonb_array_elements_text(${JSON.stringify(budgets)}::jsonb))`);
  return windowsByKey(rows);
}

function windowsByKey(rows: Iterable<RawWindow>): Map<string, BudgetRow> {
  return new Map(
    Array.from(rows, (raw) => {
      const row: BudgetRow = {
        budget: raw.budget_id,
        startMs: Number(raw.start_ms),
        endMs: raw.end_ms === null ? null : Number(raw.end_ms),
        limit: BigInt(raw.limit_n),
        spent: BigInt(raw.spent_n),
        open: BigInt(raw.open_n),
        shrinking: raw.shrinking,
      };
      return [keyOf(row), row];
    }),
  );
}

/** Writes windows; the caller has their locks. */
export async function writeWindows(tx: Tx, windows: readonly BudgetRow[]): Promise<void> {
  if (windows.length === 0) return;
  const rows = windows.map(({ budget, startMs, limit, spent, open, shrinking }) => ({
    ...{ budget, start_ms: startMs, shrinking },
    ...{ limit: limit.toString(), spent: spent.toString(), open: open.toString() },
  }));
  await tx.execute(sql`
    update budget_period p set limit_n = n.limit, spent_n = n.spent, open_n = n.open, shrinking = n.shrinking
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as n (budget text, start_ms bigint, "limit" bigint, spent bigint, open bigint, shrinking boolean)
    where p.budget_id = n.budget and p.start_ms = n.start_ms`);
}

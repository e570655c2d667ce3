/** Budgets as they stand, for answers. */
import { type Period, type PeriodWindow, windowOf } from "@claviger/shared/money/period";
import type { EscrowAnswer } from "@claviger/shared/wire/escrow";
import { sql } from "drizzle-orm";
import type { Tx } from "../journal.ts";
import type { EscrowBeat } from "./holdings.ts";
import { keyOf, readWindows } from "./windows.ts";

export interface KnownBudget {
  readonly id: string;
  readonly period: Period;
  readonly limit: bigint;
  /** The one that now is in. */
  readonly window: PeriodWindow;
}

/** The organization's budgets that are named in these heartbeats' demand, by id. */
export async function readBudgets(
  tx: Tx,
  orgId: string,
  beats: readonly EscrowBeat[],
  nowMs: number,
): Promise<Map<string, KnownBudget>> {
  const ids = [...new Set(beats.flatMap(({ report }) => report.demand.map(({ budget }) => budget)))];
  if (ids.length === 0) return new Map();
  const rows = await tx.execute<{ id: string; period: Period; limit_n: string }>(sql`
    select id, period, limit_n from budget
    where org_id = ${orgId} and id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`);
  return new Map(
    rows.map(({ id, period, limit_n }) => [
      id,
      { id, period, limit: BigInt(limit_n), window: windowOf(period, nowMs) },
    ]),
  );
}

/** What is spent of each budget that this replica spends from, in the window that now is in. */
export async function figuresOf(
  tx: Tx,
  orgId: string,
  { report }: EscrowBeat,
  budgets: ReadonlyMap<string, KnownBudget>,
): Promise<EscrowAnswer["budgets"]> {
  const wanted = new Set(report.demand.map(({ budget }) => budget));
  const known = [...wanted].flatMap((id) => budgets.get(id) ?? []);
  const rows = await readWindows(
    tx,
    orgId,
    known.map(({ id }) => id),
  );
  return known.map(({ id, limit, window: { startMs } }) => {
    const row = rows.get(keyOf({ budget: id, startMs }));
    return { id, startMs, spent: String(row?.spent ?? 0n), limit: String(row?.limit ?? limit) };
  });
}

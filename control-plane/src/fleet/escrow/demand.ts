/** How much replicas spend, which decides how large their slices are. Nothing here is about how much there is. */
import type { Demand } from "@claviger/shared/wire/escrow";
import { sql } from "drizzle-orm";
import type { Queryable } from "../../db/database.ts";
import type { Tx } from "../journal.ts";

/** A replica that has said nothing of a budget for so long no longer counts as one that spends from it, in hours. */
const ACTIVE_HOURS = 24;
/** A line that has not changed is written again after so many minutes. */
const AGAIN_MINUTES = 30;

export interface Spending {
  /** Replicas that spend from the budget, with the one that is looked at. */
  readonly replicas: number;
  /** What this one has last said that it wants to hold, in nano-dollars. */
  readonly demand: bigint;
}

/** How `replicaId` and others spend from these budgets, by budget. */
export async function spendingOf(
  db: Queryable,
  replicaId: string,
  budgets: readonly string[],
): Promise<Map<string, Spending>> {
  if (budgets.length === 0) return new Map();
  const rows = await db.execute<{ id: string; others: number; hold: string | null }>(sql`
    select b.id,
      (select count(*)::int from budget_demand d join replica r on r.id = d.replica_id
        where d.budget_id = b.id and d.replica_id <> ${replicaId} and r.gone_at is null
          and d.said_at > clock_timestamp() - ${ACTIVE_HOURS} * interval '1 hour') as others,
      (select d.hold_n from budget_demand d where d.budget_id = b.id and d.replica_id = ${replicaId}) as hold
    from jsonb_array_elements_text(${JSON.stringify(budgets)}::jsonb) as b (id)`);
  return new Map(rows.map((row) => [row.id, { replicas: row.others + 1, demand: BigInt(row.hold ?? 0) }]));
}

/** Keeps what a replica says; the caller has its row's lock, so nobody else writes these lines. */
export async function noteDemand(
  tx: Tx,
  orgId: string,
  replicaId: string,
  said: readonly Demand[],
): Promise<void> {
  if (said.length === 0) return;
  const lines = [...new Map(said.map((one) => [one.budget, one])).values()];
  await tx.execute(sql`
    insert into budget_demand as d (budget_id, replica_id, hold_n, said_at)
    select b.id, ${replicaId}, s.hold, clock_timestamp()
    from jsonb_to_recordset(${JSON.stringify(lines)}::jsonb) as s (budget text, hold bigint)
    join budget b on b.id = s.budget and b.org_id = ${orgId}
    on conflict (budget_id, replica_id) do update set hold_n = excluded.hold_n, said_at = excluded.said_at
    where d.hold_n <> excluded.hold_n
      or d.said_at < clock_timestamp() - ${AGAIN_MINUTES} * interval '1 minute'`);
}

/** Whoever asks spends; what it wants to hold it has yet to say. */
export async function noteAsker(tx: Tx, budgetId: string, replicaId: string): Promise<void> {
  await tx.execute(sql`
    insert into budget_demand (budget_id, replica_id, hold_n, said_at)
    values (${budgetId}, ${replicaId}, 0, clock_timestamp()) on conflict do nothing`);
}

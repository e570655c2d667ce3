/** Budgets for tests of the ledger, and what the ledger says of them. */
import type { Period } from "@claviger/shared/money/period";
import { sql } from "drizzle-orm";
import { newId } from "../../../db/new-id.ts";
import type { Ports } from "../../../ports.ts";
import { random } from "../../testing/control-plane.ts";
import { setLimit } from "../limit.ts";

/** A budget that stands on nothing; returns its id. */
export async function putTestBudget(
  { db }: Pick<Ports, "db">,
  orgId: string,
  { limit, period = "total" }: { limit: bigint; period?: Period },
): Promise<string> {
  const id = newId(random, "bud");
  await ensureOrganization(db, orgId);
  await db.execute(sql`
    insert into budget (id, org_id, limit_n, limit_usd, period)
    values (${id}, ${orgId}, ${limit.toString()}::bigint, '0', ${period})`);
  return id;
}

async function ensureOrganization(db: Ports["db"], orgId: string): Promise<void> {
  await db.execute(sql`
    insert into organization (id, name, created_at, revision) values (${orgId}, 'test', now(), '1.1')
    on conflict do nothing`);
}

/** As an administrator's edit does it. */
export async function lowerTestLimit(
  { db }: Pick<Ports, "db">,
  orgId: string,
  id: string,
  limit: bigint,
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`select from org_head where org_id = ${orgId} for no key update`);
    const [row] = await tx.execute<{ period: Period }>(
      sql`update budget set limit_n = ${limit.toString()}::bigint where id = ${id} returning period`,
    );
    await setLimit(tx, orgId, { id, period: row?.period ?? "total", limit });
  });
}

/** All windows of a budget together; `sum` and `charged` are those of its slices. */
export async function ledgerOf({ db }: Pick<Ports, "db">, budget: string) {
  const [row] = await db.execute<Record<string, string | boolean | null>>(sql`
    select
      (select sum(limit_n) from budget_period where budget_id = ${budget}) as limit,
      (select sum(spent_n) from budget_period where budget_id = ${budget}) as spent,
      (select sum(open_n) from budget_period where budget_id = ${budget}) as open,
      (select bool_or(shrinking) from budget_period where budget_id = ${budget}) as shrinking,
      (select count(*) from slice where budget_id = ${budget}) as slices,
      (select sum(amount_n - spent_n) from slice where budget_id = ${budget} and state = 'open') as sum,
      (select sum(spent_n) from slice where budget_id = ${budget}) as charged,
      (select count(*) from slice where budget_id = ${budget} and state <> 'closed') as alive`);
  const nanos = (name: string) => BigInt(String(row?.[name] ?? 0));
  return {
    ...{ limit: nanos("limit"), spent: nanos("spent"), open: nanos("open"), sum: nanos("sum") },
    ...{ charged: nanos("charged"), slices: Number(row?.slices ?? 0), alive: Number(row?.alive ?? 0) },
    shrinking: row?.shrinking === true,
  };
}

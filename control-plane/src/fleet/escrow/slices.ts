/** Slices as rows. A slice is read, to be changed, and written only under the lock of its window (`windows.ts`). */
import type { SliceRow } from "@claviger/shared/escrow/budget-row";
import { sql } from "drizzle-orm";
import type { Queryable } from "../../db/database.ts";
import type { Tx } from "../journal.ts";
import type { WindowKey } from "./windows.ts";

/** A slice with what only the database cares for. */
export interface StoredSlice extends SliceRow {
  readonly jws: string;
  readonly recalled: boolean;
}

/** What of the slices is wanted; all conditions hold together. */
export interface SliceFilter {
  readonly replicas?: readonly string[];
  readonly ids?: readonly string[];
  readonly reqs?: readonly string[];
  readonly window?: WindowKey;
  /** Also of closed ones. */
  readonly closed?: boolean;
}

interface RawSlice extends Record<string, unknown> {
  id: string;
  req: string;
  budget_id: string;
  start_ms: string;
  replica_id: string;
  boot: string;
  issued_n: string;
  amount_n: string;
  spent_n: string;
  state: SliceRow["state"];
  jws: string;
  recalled: boolean;
}

/** Slices of this organization, by id. */
export async function readSlices(db: Queryable, orgId: string, filter: SliceFilter): Promise<StoredSlice[]> {
  const { replicas, ids, reqs, window, closed } = filter;
  const among = (list: readonly string[]) =>
    sql`in (select jsonb_array_elements_text(${JSON.stringify(list)}::jsonb))`;
  const conditions = [
    sql`org_id = ${orgId}`,
    ...(replicas === undefined ? [] : [sql`replica_id ${among(replicas)}`]),
    ...(ids === undefined ? [] : [sql`id ${among(ids)}`]),
    ...(reqs === undefined ? [] : [sql`req ${among(reqs)}`]),
    ...(window === undefined ? [] : [sql`budget_id = ${window.budget} and start_ms = ${window.startMs}`]),
    ...(closed === true ? [] : [sql`state <> 'closed'`]),
  ];
  const rows = await db.execute<RawSlice>(sql`
    select id, req, budget_id, start_ms, replica_id, boot, issued_n, amount_n, spent_n, state, jws, recalled
    from slice where ${sql.join(conditions, sql` and `)} order by id`);
  return Array.from(rows, (raw) => ({
    id: raw.id,
    req: raw.req,
    budget: raw.budget_id,
    startMs: Number(raw.start_ms),
    replica: raw.replica_id,
    boot: raw.boot,
    issued: BigInt(raw.issued_n),
    amount: BigInt(raw.amount_n),
    spent: BigInt(raw.spent_n),
    state: raw.state,
    jws: raw.jws,
    recalled: raw.recalled,
  }));
}

/** A slice that was not there before. */
export async function insertSlices(
  tx: Tx,
  orgId: string,
  slices: readonly (SliceRow & { readonly jws: string })[],
): Promise<void> {
  if (slices.length === 0) return;
  const rows = slices.map((one) => ({ ...amountsOf(one), ...namesOf(one), jws: one.jws }));
  await tx.execute(sql`
    insert into slice (id, org_id, budget_id, start_ms, replica_id, boot, req, issued_n, amount_n, spent_n, state,
      jws, changed_at)
    select s.id, ${orgId}, s.budget, s.start_ms, s.replica, s.boot, s.req, s.issued, s.amount, s.spent, s.state,
      s.jws, clock_timestamp()
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as s (id text, budget text, start_ms bigint,
      replica text, boot text, req text, issued bigint, amount bigint, spent bigint, state text, jws text)`);
}

function namesOf({ budget, startMs, replica, boot, req, issued }: SliceRow) {
  return { budget, start_ms: startMs, replica, boot, req, issued: issued.toString() };
}

function amountsOf({ id, amount, spent, state }: SliceRow) {
  return { id, amount: amount.toString(), spent: spent.toString(), state };
}

/** Writes slices that have moved. */
export async function writeSlices(tx: Tx, slices: readonly SliceRow[]): Promise<void> {
  if (slices.length === 0) return;
  await tx.execute(sql`
    update slice s set amount_n = n.amount, spent_n = n.spent, state = n.state, changed_at = clock_timestamp()
    from jsonb_to_recordset(${JSON.stringify(slices.map(amountsOf))}::jsonb)
      as n (id text, amount bigint, spent bigint, state text)
    where s.id = n.id`);
}

/** Asks slices back from whoever holds them. */
export async function markRecalled(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(sql`
    update slice set recalled = true where id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`);
}

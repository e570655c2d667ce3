/**
 * What usage events take from budgets (PROTOCOL §2.10), in the transaction that counts the events and moves the cursor:
 * so whoever reads the cursor knows that the money of all events before it is counted.
 */
import { type BudgetRow, checked } from "@claviger/shared/escrow/budget-row";
import { charge } from "@claviger/shared/escrow/settle-slices";
import { type Period, windowOf } from "@claviger/shared/money/period";
import type { Charge } from "@claviger/shared/wire/escrow";
import type { SettledEvent, UsageEvent } from "@claviger/shared/wire/usage";
import { sql } from "drizzle-orm";
import type { Ports } from "../../ports.ts";
import type { Tx } from "../journal.ts";
import type { Sender } from "../senders.ts";
import { Books } from "./books.ts";
import { readSlices, type StoredSlice } from "./slices.ts";
import { ensureWindows, keyOf, lockWindows, type NewWindow, type WindowKey } from "./windows.ts";

/** Charges events that follow the replica's cursor; the caller has locked it, and locks nothing that comes before windows. */
export async function chargeEvents(
  tx: Tx,
  { log }: Pick<Ports, "log">,
  { orgId, replicaId }: Sender,
  events: readonly UsageEvent[],
): Promise<void> {
  const charged = events.filter(
    (event): event is SettledEvent => event.kind === "settled" && hasCharges(event),
  );
  if (charged.length === 0) return;
  const ids = [...new Set(charged.flatMap((event) => (event.charges ?? []).map(({ slice }) => slice)))];
  const read = () => readSlices(tx, orgId, { replicas: [replicaId], ids, closed: true });
  const named = new Map((await read()).map((one) => [one.id, one]));
  const lost = charged.flatMap(({ charges = [] }) => charges.filter(({ slice }) => !named.has(slice)));
  if (lost.length > 0) await refuseUnshown(tx, orgId, replicaId);
  const made = await windowsOfLost(tx, orgId, lost);
  await ensureWindows(tx, orgId, made);
  const windows = await lockWindows(tx, orgId, [...named.values(), ...made]);
  const books = new Books(windows, await read());
  for (const event of charged) {
    const excess = chargeEvent(books, named, event);
    if (excess > 0n) {
      const fields = { replica: replicaId, seq: event.seq, nanos: excess.toString() };
      log.error({ alarm: "budget_excess", ...fields }, "usage was charged that no slice covers");
    }
  }
  await books.write(tx);
}

function hasCharges({ charges }: SettledEvent): boolean {
  return charges !== undefined && charges.length > 0;
}

/** What no slice covered; an overrun counts once in each budget that is charged. */
function chargeEvent(books: Books, named: ReadonlyMap<string, StoredSlice>, event: SettledEvent): bigint {
  const overrun = BigInt(event.overrun ?? 0);
  const counted = new Set<string>();
  let excess = 0n;
  for (const one of event.charges ?? []) {
    const budget = named.get(one.slice)?.budget ?? one.budget ?? "";
    const beyond = counted.has(budget) ? 0n : overrun;
    counted.add(budget);
    const ledger = books.ledger(one.slice);
    if (ledger === undefined) {
      excess += chargeLost(books, one, beyond);
      continue;
    }
    const result = charge(ledger, BigInt(one.n), beyond);
    books.put(result);
    excess += result.excess;
  }
  return excess;
}

/**
 * After a restore a replica's heartbeat comes first: slices that it still holds are put back by it, and are charged as ever
 * then. Throws until that; the events are sent again.
 */
async function refuseUnshown(tx: Tx, orgId: string, replicaId: string): Promise<void> {
  const [row] = await tx.execute<{ unshown: boolean }>(sql`
    select exists (
      select 1 from org_epoch e join replica r on r.org_id = e.org_id
      where e.org_id = ${orgId} and r.id = ${replicaId} and e.loss <> 'none'
        and r.escrow_epoch < e.epoch and r.enrolled_at < e.raised_at) as unshown`);
  if (row?.unshown === true) throw new Error(`${replicaId} has yet to show what it holds`);
}

/** Neither database nor holder has the slice any more: what was spent of it is spent. */
function chargeLost(books: Books, { n, budget, startMs }: Charge, overrun: bigint): bigint {
  const nanos = BigInt(n) + overrun;
  const row =
    budget === undefined || startMs === undefined ? undefined : books.windows.get(keyOf({ budget, startMs }));
  if (row === undefined) return nanos;
  const next: BudgetRow = { ...row, spent: row.spent + nanos };
  books.putRow(checked({ ...next, shrinking: next.shrinking || next.spent + next.open > next.limit }));
  return nanos;
}

/** Only windows of budgets that the organization has, and that are what they say: a gateway can not make up any. */
async function windowsOfLost(tx: Tx, orgId: string, lost: readonly Charge[]): Promise<NewWindow[]> {
  const named = lost.flatMap(({ budget, startMs }): WindowKey[] =>
    budget === undefined || startMs === undefined ? [] : [{ budget, startMs }],
  );
  if (named.length === 0) return [];
  const ids = named.map(({ budget }) => budget);
  const rows = await tx.execute<{ id: string; period: Period; limit_n: string }>(sql`
    select id, period, limit_n from budget
    where org_id = ${orgId} and id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`);
  const budgets = new Map(rows.map((row) => [row.id, row]));
  return named.flatMap(({ budget, startMs }) => {
    const known = budgets.get(budget);
    const window = known && windowOf(known.period, startMs);
    if (known === undefined || window?.startMs !== startMs) return [];
    return [{ budget, ...window, limit: BigInt(known.limit_n) }];
  });
}

/**
 * Slices that the database has lost and their holders show, signed (PROTOCOL §2.7, "Postgres restored"). They are out
 * there, so they are counted, whatever the limit.
 */
import type { BudgetRow } from "@claviger/shared/escrow/budget-row";
import { reinsert } from "@claviger/shared/escrow/settle-slices";
import { Slice } from "@claviger/shared/wire/escrow";
import { createVerify } from "@claviger/shared/wire/sign";
import { sql } from "drizzle-orm";
import type { Ports } from "../../ports.ts";
import type { Tx } from "../journal.ts";
import type { Books } from "./books.ts";
import type { EscrowBeat } from "./holdings.ts";
import { insertSlices, readSlices } from "./slices.ts";
import { keyOf, type NewWindow, writeWindows } from "./windows.ts";

export interface Shown {
  readonly slice: Slice;
  readonly jws: string;
}

/** What is shown in these heartbeats, is not in the books, and is ours: signed for this organization and this replica. */
export async function shownBy(
  { fleet }: Pick<Ports, "fleet">,
  orgId: string,
  beats: readonly EscrowBeat[],
  books: Books,
): Promise<Shown[]> {
  const shown = new Map<string, Shown>();
  for (const { replicaId, report } of beats) {
    for (const { slice: id, jws } of report.holding) {
      if (jws === undefined || books.slices.has(id)) continue;
      const verify = await createVerify(fleet.verificationKeys);
      const payload = await verify("clv-slice+jws", jws);
      if (payload === undefined) continue;
      const slice = Slice.safeParse(JSON.parse(new TextDecoder().decode(payload)));
      const { org, replica } = slice.data ?? {};
      if (!slice.success || slice.data.id !== id || org !== orgId || replica !== replicaId) continue;
      shown.set(id, { slice: slice.data, jws });
    }
  }
  return [...shown.values()];
}

/** Their windows; one that is gone with them comes back with the limit of its budget, or none. */
export async function windowsOf(tx: Tx, orgId: string, shown: readonly Shown[]): Promise<NewWindow[]> {
  if (shown.length === 0) return [];
  const limits = await limitsOf(tx, orgId, shown);
  return shown.map(({ slice: { budget, startMs, endMs } }) => ({
    ...{ budget, startMs, endMs },
    limit: limits.get(budget) ?? 0n,
  }));
}

/** Puts them back; `locked` has their windows. */
export async function reinsertShown(
  tx: Tx,
  orgId: string,
  shown: readonly Shown[],
  locked: Map<string, BudgetRow>,
): Promise<void> {
  if (shown.length === 0) return;
  const ids = shown.map(({ slice }) => slice.id);
  const known = new Set((await readSlices(tx, orgId, { ids, closed: true })).map(({ id }) => id));
  for (const { slice: signed, jws } of shown) {
    const row = locked.get(keyOf(signed));
    if (row === undefined || known.has(signed.id)) continue;
    const ledger = reinsert(row, { ...signed, amount: BigInt(signed.amount) }, undefined);
    locked.set(keyOf(signed), ledger.row);
    await insertSlices(tx, orgId, [{ ...ledger.slice, jws }]);
    await writeWindows(tx, [ledger.row]);
  }
}

async function limitsOf(tx: Tx, orgId: string, shown: readonly Shown[]): Promise<Map<string, bigint>> {
  const ids = shown.map(({ slice }) => slice.budget);
  const rows = await tx.execute<{ id: string; limit_n: string }>(sql`
    select id, limit_n from budget
    where org_id = ${orgId} and id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`);
  return new Map(rows.map((row) => [row.id, BigInt(row.limit_n)]));
}

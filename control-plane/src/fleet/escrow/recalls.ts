/** Which slices a replica is asked to give back in the answer to its heartbeat. */
import { recallAll, surplus } from "@claviger/shared/escrow/recall";
import type { Books } from "./books.ts";
import type { EscrowBeat } from "./holdings.ts";
import type { StoredSlice } from "./slices.ts";
import { keyOf } from "./windows.ts";

/** What others need, what a lowered limit needs, and what this replica can do without. Of slices that it has named. */
export function recallsOf({ replicaId, report }: EscrowBeat, books: Books): string[] {
  const named = new Set(report.holding.map(({ slice }) => slice));
  const demands = new Map(report.demand.map((one) => [one.budget, one]));
  const byWindow = new Map<string, StoredSlice[]>();
  for (const one of books.slices.values()) {
    if (one.replica !== replicaId || one.state !== "open" || !named.has(one.id)) continue;
    byWindow.set(keyOf(one), [...(byWindow.get(keyOf(one)) ?? []), one]);
  }
  const recalled = new Set<string>();
  for (const [key, slices] of byWindow) {
    const row = books.windows.get(key);
    if (row === undefined) continue;
    for (const { id } of slices.filter((one) => one.recalled)) recalled.add(id);
    for (const id of recallAll(row, slices)) recalled.add(id);
    const demand = demands.get(row.budget);
    if (demand === undefined) continue;
    for (const id of surplus(slices, BigInt(demand.hold), BigInt(demand.mean))) recalled.add(id);
  }
  return [...recalled];
}

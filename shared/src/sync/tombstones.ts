/** What a snapshot does not bring back to life, and what it must not lose. */
import type { KeyRecord } from "../wire/record.ts";
import { foldKey, isDead } from "./fold-key.ts";
import type { Table } from "./table.ts";

/**
 * The table after a snapshot: `next`, with what `held` knows to be dead still dead. A living key that the snapshot
 * does not name is gone. Returns the keys that differ from the snapshot because of that, and the ids of those that the
 * snapshot has otherwise: the control plane has to hear of them.
 */
export function keepTombstones(held: Table, next: Table): { kept: KeyRecord[]; disputed: string[] } {
  const kept: KeyRecord[] = [];
  const disputed: string[] = [];
  for (const before of held.keys()) {
    const after = next.key(before.id);
    if (after === undefined && !isDead(before)) continue;
    const folded = after === undefined ? before : foldKey(before, after);
    if (folded === after) continue;
    next.keepKey(folded);
    kept.push(folded);
    if (after !== undefined) disputed.push(before.id);
  }
  return { kept, disputed };
}

/** How many keys of `held` have no record in `next`; those of `kept` are not of the signed history and do not count. */
export function countLost(held: Table, next: Table, kept: ReadonlyMap<string, unknown>): number {
  let lost = 0;
  for (const { id } of held.keys()) if (next.key(id) === undefined && !kept.has(id)) lost += 1;
  return lost;
}

/** Which slices are asked back. A recall is a wish: nothing returns before its holder has said so. */
import type { BudgetRow, SliceRow } from "./budget-row.ts";

/** Reservations that a replica keeps room for although nobody asks for them now. */
export const STANDING_RESERVATIONS = 8n;

/**
 * When somebody has no headroom: of others, the largest first, until as much as is needed could come back. Nothing comes
 * from replicas that are silent, so they are not counted on.
 */
export function recallFor(
  slices: readonly SliceRow[],
  asker: string,
  needed: bigint,
  silent: ReadonlySet<string>,
): string[] {
  const others = slices
    .filter(
      (one) => one.state === "open" && one.replica !== asker && !silent.has(one.replica) && restOf(one) > 0n,
    )
    .toSorted((a, b) => (restOf(a) < restOf(b) ? 1 : -1));
  const recalled: string[] = [];
  let back = 0n;
  for (const one of others) {
    if (back >= needed) break;
    back += restOf(one);
    recalled.push(one.id);
  }
  return recalled;
}

/** When the limit was lowered below what is out: all. */
export function recallAll(row: BudgetRow, slices: readonly SliceRow[]): string[] {
  return row.shrinking ? slices.filter((one) => one.state === "open").map(({ id }) => id) : [];
}

/** Of one replica, what it can do without: the rest stays above what it spends in an outage, and above a standing part. */
export function surplus(held: readonly SliceRow[], demand: bigint, meanReservation: bigint): string[] {
  const standing = meanReservation * STANDING_RESERVATIONS;
  const kept = demand > standing ? demand : standing;
  const open = held
    .filter((one) => one.state === "open")
    .toSorted((a, b) => (restOf(a) < restOf(b) ? 1 : -1));
  let rest = open.reduce((sum, one) => sum + restOf(one), 0n);
  return open.flatMap((one) => {
    if (rest - restOf(one) < kept) return [];
    rest -= restOf(one);
    return restOf(one) > 0n ? [one.id] : [];
  });
}

function restOf({ amount, spent }: SliceRow): bigint {
  return amount - spent;
}

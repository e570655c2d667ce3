/** Where the money of a request comes from: all of it from each budget on its path, or nothing from any. */
import { available, type Held, type HeldSlice, type Reservation } from "./held.ts";
import type { Charge } from "./slice.ts";

/** A window that has ended is still charged for so long, in milliseconds: the control plane's clock may be behind. */
export const LATE_MS_MAX = 30_000;

/** A usage event names at most 64 slices, and a request spends from three budgets at most. */
const SLICES_MAX = 20;

export type Taken =
  | { readonly charges: readonly Charge[] }
  | { readonly missing: ReadonlyMap<string, bigint> };

/** What can be taken at one moment. Many may look at it; whoever takes from a budget says so, and it is looked at anew. */
export class Purse {
  readonly #held: Held;
  readonly #closing: ReadonlySet<string>;
  readonly #wallMs: number;
  readonly #usable = new Map<string, { readonly slices: readonly HeldSlice[]; readonly sum: bigint }>();

  /** `closing` are slices not to be touched. */
  constructor(held: Held, closing: ReadonlySet<string>, wallMs: number) {
    this.#held = held;
    this.#closing = closing;
    this.#wallMs = wallMs;
  }

  /** Charges that reserve `nanos` in every budget, or what is missing where. */
  takeAll(budgets: readonly string[], nanos: bigint): Taken {
    const missing = new Map<string, bigint>();
    for (const budget of budgets) {
      const { sum } = this.#of(budget);
      if (sum < nanos) missing.set(budget, nanos - sum);
    }
    if (missing.size > 0) return { missing };
    const charges: Charge[] = [];
    for (const budget of budgets) {
      let rest = nanos;
      for (const one of this.#of(budget).slices) {
        if (rest === 0n) break;
        const n = min(rest, available(one));
        charges.push({ slice: one.slice.id, n });
        rest -= n;
      }
    }
    return { charges };
  }

  /** Something was taken there. */
  taken(budgets: readonly string[]): void {
    for (const budget of budgets) this.#usable.delete(budget);
  }

  #of(budget: string) {
    const known = this.#usable.get(budget);
    if (known !== undefined) return known;
    const slices = usable(this.#held, this.#closing, budget, this.#wallMs);
    const found = { slices, sum: slices.reduce((sum, one) => sum + available(one), 0n) };
    this.#usable.set(budget, found);
    return found;
  }
}

/** Slices of a budget from which something can be taken now; of very many the largest. */
function usable(
  held: Held,
  closing: ReadonlySet<string>,
  budget: string,
  wallMs: number,
): readonly HeldSlice[] {
  const all = (held.byBudget.get(budget) ?? []).filter(
    (one) => available(one) > 0n && !closing.has(one.slice.id) && isOpen(one, wallMs),
  );
  if (all.length <= SLICES_MAX) return all;
  return all.toSorted((a, b) => (available(a) < available(b) ? 1 : -1)).slice(0, SLICES_MAX);
}

/** What may still be reserved of a budget here. */
export function availableOf(
  held: Held,
  closing: ReadonlySet<string>,
  budget: string,
  wallMs: number,
): bigint {
  return (held.byBudget.get(budget) ?? []).reduce(
    (sum, one) => (closing.has(one.slice.id) || !isOpen(one, wallMs) ? sum : sum + available(one)),
    0n,
  );
}

/** Which slice is chosen, never how much may be spent: that is why a clock may have a word in it. */
function isOpen({ slice }: HeldSlice, wallMs: number): boolean {
  return slice.startMs <= wallMs && (slice.endMs === null || wallMs < slice.endMs + LATE_MS_MAX);
}

/** The part of a reservation that was used, `actual` in each budget; what goes beyond it is charged to no slice. */
export function usedOf(held: Held, reservation: Reservation, actual: bigint): Charge[] {
  const rest = new Map<string, bigint>();
  return reservation.charges.flatMap(({ slice, n }) => {
    const budget = held.slices.get(slice)?.slice.budget ?? "";
    const used = min(n, rest.get(budget) ?? min(actual, reservation.nanos));
    rest.set(budget, (rest.get(budget) ?? min(actual, reservation.nanos)) - used);
    return used > 0n ? [{ slice, n: used }] : [];
  });
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

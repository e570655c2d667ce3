/** Requests that have no money yet, in the order of their coming, and by the budgets that they wait for. */

/** A request that has no money yet. */
export interface Wanted {
  /** Of the attempt: each retry and each fallback has its own. */
  readonly id: string;
  /** Every budget on its path: key, project, organization. */
  readonly budgets: readonly string[];
  readonly nanos: bigint;
  readonly about: unknown;
}

/** Of one budget no more wait than this: each settlement looks at all of them. */
export const WAITERS_MAX = 2_000;

interface Waiter {
  readonly nth: number;
  readonly wanted: Wanted;
}

export class Waiters {
  readonly #all = new Map<string, Waiter>();
  readonly #byBudget = new Map<string, Map<string, Waiter>>();
  #next = 0;

  get size(): number {
    return this.#all.size;
  }

  /** As many as may wait do so in one of these budgets. */
  isFull(budgets: readonly string[]): boolean {
    return budgets.some((budget) => (this.#byBudget.get(budget)?.size ?? 0) >= WAITERS_MAX);
  }

  /** Somebody waits for this budget. */
  has(budget: string): boolean {
    return this.#byBudget.has(budget);
  }

  add(wanted: Wanted): void {
    const waiter = { nth: this.#next++, wanted };
    this.#all.set(wanted.id, waiter);
    for (const budget of wanted.budgets) {
      const line = this.#byBudget.get(budget) ?? new Map<string, Waiter>();
      this.#byBudget.set(budget, line.set(wanted.id, waiter));
    }
  }

  /** Whether it was there. */
  remove(id: string): boolean {
    const waiter = this.#all.get(id);
    if (waiter === undefined) return false;
    this.#all.delete(id);
    for (const budget of waiter.wanted.budgets) {
      const line = this.#byBudget.get(budget);
      line?.delete(id);
      if (line?.size === 0) this.#byBudget.delete(budget);
    }
    return true;
  }

  /** Whoever waits for one of these budgets, each once, in the order of their coming. */
  of(budgets: ReadonlySet<string>): Wanted[] {
    const lines = [...budgets].flatMap((budget) => this.#byBudget.get(budget) ?? []);
    const [first] = lines;
    if (first === undefined) return [];
    if (lines.length === 1) return Array.from(first.values(), ({ wanted }) => wanted);
    const together = new Set(lines.flatMap((line) => [...line.values()]));
    return [...together].sort((a, b) => a.nth - b.nth).map(({ wanted }) => wanted);
  }
}

/** What is left of each budget, as the control plane has last told it: for limits that are put in the place of absent ones. */

interface Figure {
  readonly startMs: number;
  readonly spent: bigint;
  readonly limit: bigint;
}

export class Figures {
  readonly #told = new Map<string, Figure>();
  readonly #waiting = new Set<() => void>();

  /** `startMs` is that of the window; 0 where it was not told. */
  tell(budget: string, startMs: number, spent: bigint, limit: bigint): void {
    this.#told.set(budget, { startMs, spent, limit });
    for (const look of [...this.#waiting]) look();
  }

  /** Of the tightest one, in nano-dollars; null when one of them was never told. */
  leftOf(budgets: readonly string[]): bigint | null {
    let least: bigint | null = null;
    for (const budget of budgets) {
      const figure = this.#told.get(budget);
      if (figure === undefined) return null;
      const left = figure.limit > figure.spent ? figure.limit - figure.spent : 0n;
      if (least === null || left < least) least = left;
    }
    return least;
  }

  /** Resolves when all were told, or after `waitMs`. */
  untilTold(budgets: readonly string[], waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (this.leftOf(budgets) !== null) end();
      };
      const timer = setTimeout(end, waitMs);
      this.#waiting.add(look);
      look();
    });
  }
}

/** Decisions folded over windows and slices, and then written together. */
import type { BudgetRow, Ledger, SliceRow } from "@claviger/shared/escrow/budget-row";
import type { Tx } from "../journal.ts";
import { type StoredSlice, writeSlices } from "./slices.ts";
import { keyOf, writeWindows } from "./windows.ts";

export class Books {
  readonly windows: Map<string, BudgetRow>;
  readonly slices: Map<string, StoredSlice>;
  readonly #movedWindows = new Set<string>();
  readonly #movedSlices = new Set<string>();

  constructor(windows: ReadonlyMap<string, BudgetRow>, slices: readonly StoredSlice[]) {
    this.windows = new Map(windows);
    this.slices = new Map(slices.map((one) => [one.id, one]));
  }

  /** The slice and its window, as they stand by now; undefined where one of them is not in these books. */
  ledger(id: string): { readonly row: BudgetRow; readonly slice: StoredSlice } | undefined {
    const slice = this.slices.get(id);
    const row = slice && this.windows.get(keyOf(slice));
    return slice === undefined || row === undefined ? undefined : { row, slice };
  }

  /** True when this is not what the books say of the slice. */
  moves({ id, amount, spent, state }: SliceRow): boolean {
    const held = this.slices.get(id);
    return held?.amount !== amount || held.spent !== spent || held.state !== state;
  }

  put({ row, slice }: Ledger): void {
    const held = this.slices.get(slice.id);
    if (held === undefined) throw new Error(`slice ${slice.id} is not in these books`);
    if (this.moves(slice)) {
      this.slices.set(slice.id, { ...held, ...slice });
      this.#movedSlices.add(slice.id);
    }
    if (!isSame(this.windows.get(keyOf(row)), row)) this.putRow(row);
  }

  putRow(row: BudgetRow): void {
    this.windows.set(keyOf(row), row);
    this.#movedWindows.add(keyOf(row));
  }

  /** Writes what has moved; the caller has the locks. */
  async write(tx: Tx): Promise<void> {
    const slices = [...this.#movedSlices].flatMap((id) => this.slices.get(id) ?? []);
    const windows = [...this.#movedWindows].flatMap((key) => this.windows.get(key) ?? []);
    await Promise.all([writeSlices(tx, slices), writeWindows(tx, windows)]);
  }
}

function isSame(a: BudgetRow | undefined, b: BudgetRow): boolean {
  return a?.limit === b.limit && a.spent === b.spent && a.open === b.open && a.shrinking === b.shrinking;
}

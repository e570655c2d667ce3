/**
 * The control plane's ledger of one budget in one window, and of its slices. The bargain: these two rows are all that a
 * decision reads, under a lock on the first, so that each decision is a few UPDATEs and one CHECK.
 */

export interface BudgetRow {
  readonly budget: string;
  readonly startMs: number;
  readonly endMs: number | null;
  readonly limit: bigint;
  /** Settled, and what is held by lost gateways. */
  readonly spent: bigint;
  /** What open slices may still spend. */
  readonly open: bigint;
  /** The limit was lowered, or passed by an overrun: nothing is issued until all is below it again. */
  readonly shrinking: boolean;
}

export interface SliceRow {
  readonly id: string;
  readonly req: string;
  readonly budget: string;
  readonly startMs: number;
  readonly replica: string;
  readonly boot: string;
  /** As signed; `amount` is what is left of it by now. */
  readonly issued: bigint;
  readonly amount: bigint;
  readonly spent: bigint;
  readonly state: "open" | "closed" | "written_off";
}

export interface Ledger {
  readonly row: BudgetRow;
  readonly slice: SliceRow;
}

/** The row with its flag as it has to be; throws where the database's CHECK would. */
export function checked(row: BudgetRow): BudgetRow {
  const { spent, open, limit } = row;
  if (spent < 0n || open < 0n) throw new Error(`budget ${row.budget}: ${spent} spent, ${open} open`);
  return spent + open <= limit ? { ...row, shrinking: false } : row;
}

/** A limit that was raised or lowered; below what is out already nothing is issued, and everything is recalled. */
export function limited(row: BudgetRow, limit: bigint): BudgetRow {
  return { ...row, limit, shrinking: row.spent + row.open > limit };
}

/** A window begins with nothing spent. */
export function emptyWindow(budget: string, startMs: number, endMs: number | null, limit: bigint): BudgetRow {
  return { budget, startMs, endMs, limit, spent: 0n, open: 0n, shrinking: false };
}

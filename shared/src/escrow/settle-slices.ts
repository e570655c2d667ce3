/**
 * How money leaves a slice: charged by usage events, or back to the budget. The bargain: it returns only on the word of
 * the replica that holds it, with all its events counted; never because time has passed.
 */
import { maySpeakAfter } from "../sync/boot.ts";
import { type BudgetRow, checked, type Ledger, type SliceRow } from "./budget-row.ts";
import { type Holding, isDrained, type Slice } from "./slice.ts";

/** A usage event's charge to this slice. `excess` is what no slice covered: counted all the same, and an alarm. */
export function charge(
  { row, slice }: Ledger,
  n: bigint,
  overrun: bigint,
): Ledger & { readonly excess: bigint } {
  const room = slice.state === "closed" ? 0n : slice.amount - slice.spent;
  const within = n < room ? n : room;
  const excess = n - within + overrun;
  // What a lost gateway holds is counted as spent already.
  const counted = slice.state === "written_off" ? excess : within + excess;
  const opened = slice.state === "open" ? within : 0n;
  const next: BudgetRow = { ...row, spent: row.spent + counted, open: row.open - opened };
  const shrinking = next.shrinking || next.spent + next.open > next.limit;
  return {
    row: checked({ ...next, shrinking }),
    slice: { ...slice, spent: slice.spent + within },
    excess,
  };
}

export interface Report {
  /** The process that speaks. */
  readonly boot: string;
  /** The replica's latest event that was on its disk when it spoke. */
  readonly lastSeq: number;
  /** The cursor of its usage here. */
  readonly cursor: number;
  /** It does not name all that it holds. */
  readonly isPartial?: boolean;
}

/** What the answer to a heartbeat says of a slice. */
export type Told = "nothing" | "closed" | "resend";

/** A heartbeat's word on one slice; `holding` undefined: it does not name it. */
export function reconcile(
  ledger: Ledger,
  holding: Holding | undefined,
  report: Report,
): Ledger & { readonly told: Told } {
  const { slice } = ledger;
  if (slice.state === "closed") return { ...ledger, told: holding === undefined ? "nothing" : "closed" };
  if (holding === undefined && report.isPartial === true) return { ...ledger, told: "nothing" };
  if (holding === undefined) {
    // It may still be on its way to this process; to an earlier one it never came, and never will.
    if (slice.boot === report.boot) return { ...ledger, told: "resend" };
    if (!maySpeakAfter(report.boot, slice.boot)) return { ...ledger, told: "nothing" };
    if (report.cursor < report.lastSeq) return { ...ledger, told: "nothing" };
    return { ...closed(lowered(ledger, slice.spent)), told: "nothing" };
  }
  // An event that is still missing would be charged to money that has been given to somebody else.
  if (report.cursor < holding.lastSeq) return { ...ledger, told: "nothing" };
  if (isDrained(holding)) return { ...closed(lowered(ledger, slice.spent)), told: "closed" };
  return { ...lowered(ledger, holding.amount), told: "nothing" };
}

/** The slice at a smaller amount; a larger one is an old word. */
function lowered({ row, slice }: Ledger, amount: bigint): Ledger {
  const rest = slice.amount - amount;
  if (rest <= 0n) return { row, slice };
  const back = slice.state === "written_off" ? { spent: row.spent - rest } : { open: row.open - rest };
  return { row: checked({ ...row, ...back }), slice: { ...slice, amount } };
}

function closed({ row, slice }: Ledger): Ledger {
  return { row, slice: { ...slice, state: "closed" } };
}

/** Its gateway has been lost for a day: what it holds counts as spent, until it comes back and proves otherwise. */
export function writeOff({ row, slice }: Ledger): Ledger {
  if (slice.state !== "open") return { row, slice };
  const rest = slice.amount - slice.spent;
  return {
    row: checked({ ...row, open: row.open - rest, spent: row.spent + rest }),
    slice: { ...slice, state: "written_off" },
  };
}

/** A slice that the database has lost and its holder shows, signed: it is out there, so it is counted, whatever the limit. */
export function reinsert(row: BudgetRow, signed: Slice, known: SliceRow | undefined): Ledger {
  if (known !== undefined) return { row, slice: known };
  const { id, req, budget, replica, boot, amount, startMs } = signed;
  const slice: SliceRow = {
    ...{ id, req, budget, startMs, replica, boot, amount },
    issued: amount,
    spent: 0n,
    state: "open",
  };
  const open = row.open + amount;
  return { row: { ...row, open, shrinking: row.shrinking || row.spent + open > row.limit }, slice };
}

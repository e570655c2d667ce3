/** How much of a budget a replica gets, and when it gets nothing (PROTOCOL §2.8, "Issue"). */
import type { BudgetRow, SliceRow } from "./budget-row.ts";
import type { Ask, Denial } from "./slice.ts";

export interface IssueInput {
  readonly row: BudgetRow;
  /** The slice that this request was given before, if any. */
  readonly given: SliceRow | undefined;
  readonly ask: Pick<Ask, "req" | "boot" | "min" | "bound" | "want" | "ahead">;
  readonly replica: string;
  /** For a new slice. */
  readonly id: string;
  /** What the replica spends in the time it may have to do without us, in nano-dollars. */
  readonly demand: bigint;
  /** Replicas that spend from the budget, at least 1. */
  readonly replicas: number;
  /** After a restore, until every replica has said what it holds. */
  readonly frozen: boolean;
}

export type Issued =
  | { readonly kind: "issued"; readonly row: BudgetRow; readonly slice: SliceRow }
  /** The same slice as before: it was sent and perhaps not received. */
  | { readonly kind: "again"; readonly slice: SliceRow }
  | { readonly kind: "denied"; readonly code: Denial; readonly spent: bigint; readonly limit: bigint };

/** Issues once per `req`. Never more than is free, never less than what was asked for. */
export function issue(input: IssueInput): Issued {
  const { row, given, ask, replica, id } = input;
  if (given !== undefined) return { kind: "again", slice: given };
  const free = row.shrinking || input.frozen ? 0n : row.limit - row.spent - row.open;
  if (free < ask.min || ask.min <= 0n) return denied(row, ask.bound);
  const amount = sizeOf(input, free);
  const slice: SliceRow = {
    id,
    req: ask.req,
    budget: row.budget,
    startMs: row.startMs,
    replica,
    boot: ask.boot,
    issued: amount,
    amount,
    spent: 0n,
    state: "open",
  };
  return { kind: "issued", row: { ...row, open: row.open + amount }, slice };
}

/** Only spent money exhausts a budget; open slices come back. */
function denied({ limit, spent }: BudgetRow, bound: bigint): Issued {
  return { kind: "denied", code: limit - spent < bound ? "exhausted" : "no_headroom", spent, limit };
}

/** `clamp(demand, min = what is missing, max = free ÷ (2 · replicas))`: half of what is free stays free for others. */
function sizeOf({ ask, demand, replicas }: IssueInput, free: bigint): bigint {
  const most = free / BigInt(2 * replicas);
  // Who asks ahead knows what it wants to hold, and how much of that it has.
  const wished = ask.ahead !== true && demand > ask.want ? demand : ask.want;
  const amount = wished < most ? wished : most;
  return amount > ask.min ? amount : ask.min;
}

/** A slice for the next window, ahead of it: what the replica spends there before anybody has to ask. */
export function issueAhead(
  input: Omit<IssueInput, "ask"> & { readonly ask: Pick<Ask, "req" | "boot"> },
): Issued {
  const nothing = { min: 1n, bound: 1n, want: 0n };
  return issue({ ...input, ask: { ...input.ask, ...nothing } });
}

/** A slice: the part of one budget's window that one replica may spend (PROTOCOL §2.8). Money is in nano-dollars. */

/** What the control plane signs. */
export interface Slice {
  readonly id: string;
  /** Of the request that it answers; one request has one slice, however often it is asked. */
  readonly req: string;
  readonly budget: string;
  readonly replica: string;
  /** The process it was made for: no other one ever takes it, so one that was not taken is provably not held. */
  readonly boot: string;
  readonly amount: bigint;
  /** The window it belongs to; `endMs` null: without end. Whoever spends it, and whenever, charges this window. */
  readonly startMs: number;
  readonly endMs: number | null;
  /** As it was signed, for a control plane that has lost it; nothing here looks at it. */
  readonly jws?: string;
}

/** Money of one slice. */
export interface Charge {
  readonly slice: string;
  readonly n: bigint;
}

/** A replica asks for money; unanswered, it asks again with the same `req`. */
export interface Ask {
  readonly req: string;
  readonly budget: string;
  readonly boot: string;
  /** What is missing for the request at the head of those who wait. */
  readonly min: bigint;
  /** All that this request needs: below it, a budget is exhausted. */
  readonly bound: bigint;
  /** What all who wait are missing. */
  readonly want: bigint;
  /** Nobody waits: it is for the time when there may be no control plane, so nothing is asked back from others for it. */
  readonly ahead?: true;
}

export type Denial = "exhausted" | "no_headroom";

/** What a replica holds of a slice, as it stands on its disk: one line of its heartbeat. */
export interface Holding {
  readonly slice: string;
  /** Never rises. */
  readonly amount: bigint;
  readonly spent: bigint;
  readonly reserved: bigint;
  /** The latest usage event that charged it; 0: none. */
  readonly lastSeq: number;
}

/** Nothing will ever be charged to it again. */
export function isDrained({
  amount,
  spent,
  reserved,
}: Pick<Holding, "amount" | "spent" | "reserved">): boolean {
  return reserved === 0n && amount === spent;
}

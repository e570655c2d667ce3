/** What escrow is at a replica, what happens to it, and what it asks to be done. `replica.ts` has the rules. */
import { Dropped } from "./dropped.ts";
import { Held, type JournalRecord } from "./held.ts";
import type { Ask, Denial, Slice } from "./slice.ts";
import { Waiters, type Wanted } from "./waiters.ts";

export type EscrowEvent =
  /** A verified slice for this replica. */
  | { readonly type: "slice"; readonly slice: Slice; readonly wallMs: number }
  | {
      readonly type: "denied";
      readonly req: string;
      readonly code: Denial;
      readonly spent: bigint;
      readonly limit: bigint;
    }
  | { readonly type: "reserve"; readonly wanted: Wanted; readonly wallMs: number }
  /** It has waited long enough. */
  | { readonly type: "gave-up"; readonly id: string }
  /** No answer came, or `ask-later` is over: whoever still waits for this budget is asked for again. */
  | { readonly type: "ask-again"; readonly budget: string; readonly wallMs: number }
  /** The attempt has ended; `actual` null: nobody knows what it cost. `seq` is that of its usage event. */
  | {
      readonly type: "settle";
      readonly id: string;
      readonly seq: number;
      readonly actual: bigint | null;
      readonly wallMs: number;
    }
  /** Every record up to and including number `n` is on disk. */
  | { readonly type: "persisted"; readonly n: number }
  | { readonly type: "recall"; readonly slice: string }
  /** The control plane has closed it for good. */
  | { readonly type: "closed"; readonly slice: string }
  /** What is to be held of a budget for the time without a control plane; `mean` is that of one reservation. */
  | {
      readonly type: "stock";
      readonly budget: string;
      readonly hold: bigint;
      readonly mean: bigint;
      readonly wallMs: number;
    }
  /** Windows end. */
  | { readonly type: "tick"; readonly wallMs: number };

export type EscrowEffect =
  /** Put on disk, in the order of `n`; report `persisted` when it is there. */
  | { readonly type: "append"; readonly n: number; readonly record: JournalRecord }
  /** The reservation is on disk: only now may a byte go to the provider. */
  | { readonly type: "forward"; readonly id: string }
  | { readonly type: "ask"; readonly ask: Ask }
  /** There is no headroom now: say `ask-again` in a while. */
  | { readonly type: "ask-later"; readonly budget: string }
  | { readonly type: "refuse"; readonly id: string; readonly code: Refused }
  /** The provider billed more than it could: an alarm. */
  | { readonly type: "overrun"; readonly id: string; readonly nanos: bigint }
  /** Money can go back: speak soon. */
  | { readonly type: "report" };

export type Refused = "budget_exceeded" | "request_exceeds_budget" | "budget_unavailable";

/** Who spends: a replica and the process that speaks for it (`sync/boot.ts`). */
export interface Spender {
  readonly replica: string;
  readonly boot: string;
}

export interface EscrowState {
  readonly identity: Spender;
  /** As decided. */
  readonly held: Held;
  /** As it stands on disk: what is spoken of. */
  readonly durable: Held;
  /** Appended and not on disk yet. */
  pending: { readonly n: number; readonly record: JournalRecord }[];
  nextN: number;
  nextReq: number;
  /** Slices that go back; nothing new is taken from them. */
  readonly closing: Set<string>;
  /** Slices that this process has given back for good, as they were: they are never taken again. */
  readonly dropped: Dropped;
  /** Of those, the ones that the control plane has sent once more: it is told again how they ended. */
  readonly resent: Set<string>;
  readonly waiting: Waiters;
  /** At most one question per budget. */
  readonly asked: Map<string, Ask>;
}

/** A replica that has never held anything. */
export function emptyEscrow(identity: Spender): EscrowState {
  return {
    identity,
    held: new Held(),
    durable: new Held(),
    pending: [],
    nextN: 1,
    nextReq: 1,
    closing: new Set(),
    dropped: new Dropped(`${identity.replica}.${identity.boot}.`),
    resent: new Set(),
    waiting: new Waiters(),
    asked: new Map(),
  };
}

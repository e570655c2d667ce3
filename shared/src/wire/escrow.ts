/**
 * Budgets between control plane and gateway (PROTOCOL §2.8); the rules are `escrow/`'s. Amounts are nano-dollars as
 * decimal text, because JSON has no integers of that size.
 */
import * as z from "zod";
import { Id, TimeMs } from "./scalars.ts";

/** Up to 10¹⁷ nano-dollars, which is more than any budget may be; never negative. */
export const Nanos = z.string().regex(/^(?:0|[1-9][0-9]{0,16})$/);

/** A question's name, unique for its replica: `<replica>.<boot>.<n>`. */
const Req = z.string().regex(/^[A-Za-z0-9._-]{1,160}$/);
const Boot = z.string().regex(/^[1-9][0-9]{0,9}\.[A-Za-z0-9_-]{8,48}$/);

/** Control plane → gateway (JWS typ `clv-slice+jws`): a part of one budget's window that one process may spend. */
export const Slice = z.object({
  v: z.literal(1),
  org: Id,
  id: Id,
  req: Req,
  budget: Id,
  replica: Id,
  boot: Boot,
  amount: Nanos,
  startMs: TimeMs,
  /** null: without end. */
  endMs: TimeMs.nullable(),
});
export type Slice = z.infer<typeof Slice>;

/** Gateway → control plane. Asked again with the same `req` until there is an answer. */
export const Ask = z.object({
  v: z.literal(1),
  req: Req,
  budget: Id,
  boot: Boot,
  /** What is missing for the request at the head of those who wait. */
  min: Nanos,
  /** All that this request needs. */
  bound: Nanos,
  /** What all who wait are missing. */
  want: Nanos,
  /** Nobody waits for it: it is for the time when there may be no control plane. */
  ahead: z.literal(true).optional(),
});
export type Ask = z.infer<typeof Ask>;

/** `slice` is a JWS. A denial tells what the window has spent of its limit. */
export const AskAnswer = z.union([
  z.object({ slice: z.string() }),
  z.object({ denied: z.enum(["exhausted", "no_headroom"]), spent: Nanos, limit: Nanos }),
]);
export type AskAnswer = z.infer<typeof AskAnswer>;

/** What the replica's disk says of one slice. */
export const Holding = z.object({
  slice: Id,
  /** Never rises. */
  amount: Nanos,
  spent: Nanos,
  reserved: Nanos,
  /** The latest usage event that charged it; 0: none. */
  lastSeq: z.int().min(0),
  /** The slice as it was signed: only when `EscrowAnswer.show` has asked for it. */
  jws: z.string().max(2_048).optional(),
});
export type Holding = z.infer<typeof Holding>;

/** How a replica spends from one budget. */
export const Demand = z.object({
  budget: Id,
  /** What it spends in the longest `maxStalenessSeconds` of the keys that spend from it here: what it wants to hold. */
  hold: Nanos,
  /** Of one reservation. */
  mean: Nanos,
});
export type Demand = z.infer<typeof Demand>;

/** A heartbeat's part. Absent: the gateway knows of no budgets, and nothing is concluded. */
export const EscrowReport = z.object({
  /** Every slice that is on its disk, always all of them: one that is missing is not held. */
  holding: z.array(Holding).max(4_000),
  /** A line for each budget that was spent from in the last 24 h; nothing is asked back of one that has none. */
  demand: z.array(Demand).max(4_000),
  /** The latest usage event that was on disk when this was said. */
  lastSeq: z.int().min(0),
});
export type EscrowReport = z.infer<typeof EscrowReport>;

/** Slices shown with one heartbeat: each brings its JWS, and a heartbeat has to fit into one message. */
export const SHOW_MAX = 64;

/** The answer's part, to be taken in this order. Each line may come again, and then changes nothing. */
export const EscrowAnswer = z.object({
  /** Slices (JWS) that are this process's and that it did not name, and slices for the window that comes next. */
  slices: z.array(z.string()).max(200),
  /** Slices that are asked back. */
  recall: z.array(Id),
  /** Slices that are closed here: to be dropped when they are empty there too. */
  closed: z.array(Id),
  /** Slices that are not known here (others may follow): to be shown, signed, with the next heartbeat. */
  show: z.array(Id).max(SHOW_MAX),
  budgets: z.array(z.object({ id: Id, startMs: TimeMs, spent: Nanos, limit: Nanos })),
});
export type EscrowAnswer = z.infer<typeof EscrowAnswer>;

/** Money of one slice, in a usage event. Budget and window count where the slice is no longer known. */
export const Charge = z.object({
  slice: Id,
  n: Nanos,
  budget: Id.optional(),
  startMs: TimeMs.optional(),
});
export type Charge = z.infer<typeof Charge>;

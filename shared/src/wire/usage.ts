/**
 * A usage event is the settlement of one admitted request. `(replica, seq)` is gapless; the only acknowledgement is
 * PostgreSQL's cursor, which each answer carries.
 */
import * as z from "zod";
import { Charge, Nanos } from "./escrow.ts";
import { Id, TimeMs } from "./scalars.ts";

/** No answer has more, so that sums of any number of them fit into what stores them. */
const COUNT_MAX = 1_000_000_000;

const Count = z.int().min(0).max(COUNT_MAX);

/**
 * Five disjoint buckets; null means the provider did not say, 0 means it said zero. `apart` names parts of them, which are
 * counted in them as well, so that whoever does not know the parts has right sums: `money/usage.ts` takes them out.
 */
export const Tokens = z.object({
  input: Count.nullable(),
  cacheRead: Count.nullable(),
  cacheWrite: Count.nullable(),
  output: Count.nullable(),
  reasoning: Count.nullable(),
  apart: z
    .object({
      /** Of `cacheWrite`: to a cache that lives longer than the default one. */
      cacheWriteLong: Count.optional(),
      /** Of `input`. */
      audioInput: Count.optional(),
      imageInput: Count.optional(),
      /** Of `output`. */
      audioOutput: Count.optional(),
      imageOutput: Count.optional(),
      /** Pieces, which are no tokens: images made, and uses of the provider's own search. */
      images: Count.optional(),
      searches: Count.optional(),
    })
    .optional(),
});
export type Tokens = z.infer<typeof Tokens>;

export const SettledEvent = z.object({
  kind: z.literal("settled"),
  seq: z.int().min(1),
  keyId: Id,
  generation: z.int().min(1),
  projectId: Id,
  requestId: z.string().max(64),
  surface: z.string().max(32),
  provider: z.string().max(64),
  llmKeyId: Id,
  model: z.string().max(256),
  status: z.int(),
  code: z.string().max(64).nullable(),
  tokens: Tokens,
  basis: z.enum(["provider", "bounded", "crash"]),
  startedAtMs: TimeMs,
  firstByteMs: z.number().nullable(),
  totalMs: z.number(),
  /** /24 or /48 of the caller. */
  ipPrefix: z.string().max(64),
  /** 1 for the first; a retry and a fallback are attempts of their own. */
  attempt: z.int().min(1).max(1_000).optional(),
  /** Where the money came from; each budget on the key's path is charged the same. Absent without a budget. */
  charges: z.array(Charge).max(64).optional(),
  /** What the provider billed beyond the reservation: counted once in each budget that is charged. */
  overrun: Nanos.optional(),
  /** Nano-dollars at the pinned price; null: not known. */
  cost: Nanos.nullable().optional(),
  /** The revision of the price that was pinned. */
  priceRev: z.int().min(0).optional(),
});
export type SettledEvent = z.infer<typeof SettledEvent>;

/** Refusals of a known key: one per key, code and minute. */
export const RefusedEvent = z.object({
  kind: z.literal("refused"),
  seq: z.int().min(1),
  keyId: Id,
  code: z.string().max(64),
  minuteMs: TimeMs,
  n: z.int().min(1).max(COUNT_MAX),
});
export type RefusedEvent = z.infer<typeof RefusedEvent>;

export const UsageEvent = z.discriminatedUnion("kind", [SettledEvent, RefusedEvent]);
export type UsageEvent = z.infer<typeof UsageEvent>;

export const UsageBatch = z.object({
  v: z.literal(1),
  events: z.array(UsageEvent).min(1).max(500),
  /**
   * The replica has no event up to here any more (acknowledged rows are kept for 72 h): a control plane that was set back
   * further than that will not get them. Absent when nothing is missing before the first event.
   */
  goneUpTo: z.int().min(1).optional(),
});
export type UsageBatch = z.infer<typeof UsageBatch>;

/** Every event up to and including this sequence number is in PostgreSQL. */
export const UsageAnswer = z.object({ cursor: z.int().min(0) });
export type UsageAnswer = z.infer<typeof UsageAnswer>;

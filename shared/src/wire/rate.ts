/**
 * Shares of rate limits between control plane and gateway (PROTOCOL §2.9); the rules are `rate/`'s, and so are the types
 * that these schemas make. Rates are per millisecond.
 */
import * as z from "zod";
import { Id, TimeMs } from "./scalars.ts";

/** Identifies a share; larger ones are later. 0: none. */
const ShareId = z.int().min(0);
const Amount = z.number().min(0).max(1e15);
const Permits = z.int().min(0).max(2_147_483_647);

/** Where a book begins: what was dealt before is not in it. */
const Generation = z.object({ epoch: z.int().min(0), sinceMs: TimeMs });
const Floor = z.object({ id: ShareId, part: z.number().min(0).max(1) });

const Held = z.object({ id: ShareId, rate: Amount, burst: Amount, demand: Amount });
const Share = z.object({ id: ShareId, rate: Amount, burst: Amount, tokens: Amount, ttlMs: z.int().min(0) });

/** A heartbeat's part. Absent: the gateway uses no shares. */
export const RateReports = z.object({
  /** Counts the reports of this process. */
  n: z.int().min(1),
  generation: Generation.optional(),
  floor: Floor,
  /** Every share of an earlier generation is among these keys. */
  whole: z.boolean(),
  keys: z
    .array(
      z.object({
        key: Id,
        /** Nothing of it is used any more. */
        gone: z.literal(true).optional(),
        requests: Held.optional(),
        tokens: Held.optional(),
        permits: z.object({ id: ShareId, permits: Permits, inflight: Permits, wanted: Amount }).optional(),
      }),
    )
    .max(1_000),
});
export type RateReports = z.infer<typeof RateReports>;

/** The answer's part; a share lasts for `ttlMs` from when the report was sent. */
export const RateAnswer = z.object({
  n: z.int().min(1),
  generation: Generation,
  floor: Floor,
  keys: z.array(
    z.object({
      key: Id,
      requests: Share.optional(),
      tokens: Share.optional(),
      permits: z.object({ id: ShareId, permits: Permits, ttlMs: z.int().min(0) }).optional(),
    }),
  ),
});
export type RateAnswer = z.infer<typeof RateAnswer>;

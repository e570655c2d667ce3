/**
 * Shares that a replica may be using: sent, not over, and not known to be replaced. The bargain: of all of them the
 * largest counts, because nobody knows which one has arrived.
 */
import { DRIFT_MAX } from "../sync/assumptions.ts";

export interface Outstanding {
  readonly id: number;
  /** After this (the control plane's clock, ms) no replica uses it any more. */
  readonly untilMs: number;
}

/** When a share ends that its holder keeps for `ttlMs` of a clock that may be slow, counted from before now. */
export function untilOf(nowMs: number, ttlMs: number): number {
  return nowMs + ttlMs / (1 - DRIFT_MAX);
}

/** Those that are neither over nor replaced by `heldId`, which the replica says it uses. */
export function stillOut<S extends Outstanding>(shares: readonly S[], heldId: number, nowMs: number): S[] {
  return shares.filter(({ id, untilMs }) => id >= heldId && untilMs > nowMs);
}

/** The largest of one figure. */
export function booked<S extends Outstanding>(shares: readonly S[], figure: (share: S) => number): number {
  return shares.reduce((max, share) => Math.max(max, figure(share)), 0);
}

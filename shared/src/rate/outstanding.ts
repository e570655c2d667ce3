/**
 * Shares that a replica may be using: sent, not over, and not known to be replaced. The bargain: of all of them the
 * largest counts, because nobody knows which one has arrived.
 */
import { DRIFT_MAX, STEP_MS_MAX } from "../sync/assumptions.ts";

export interface Outstanding {
  readonly id: number;
  /** After this (the control plane's clock, ms) no replica uses it any more. */
  readonly untilMs: number;
}

/**
 * When a share ends that its holder keeps for `ttlMs` of clocks that may be slow or, while the machine stood still, set
 * back, counted from before now.
 */
export function untilOf(nowMs: number, ttlMs: number): number {
  return nowMs + ttlMs / (1 - DRIFT_MAX) + STEP_MS_MAX;
}

/** Those that are neither over nor replaced by `heldId`, which the replica says it uses. */
export function stillOut<S extends Outstanding>(shares: readonly S[], heldId: number, nowMs: number): S[] {
  return shares.filter(({ id, untilMs }) => id >= heldId && untilMs > nowMs);
}

/** The largest of one figure. */
export function booked<S extends Outstanding>(shares: readonly S[], figure: (share: S) => number): number {
  return shares.reduce((max, share) => Math.max(max, figure(share)), 0);
}

/** The share that the replica says it uses, when nothing else of it is out; then what it says is all there is. */
export function settledOn<S extends Outstanding>(shares: readonly S[], heldId: number): S | undefined {
  return shares.length === 1 && shares[0]?.id === heldId ? shares[0] : undefined;
}

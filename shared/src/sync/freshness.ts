/**
 * How old the control plane's last word is. The bargain: an age may be over-estimated, never under-estimated, so it
 * is measured from before the question was sent, with both clocks, and a clock that ran backwards ends it (§2.4).
 */
import { DRIFT_MAX, SKEW_MS_MAX, STEP_MS_MAX } from "./assumptions.ts";

/** Both clocks of a replica, read together, in milliseconds. The monotonic one stands still in a paused machine. */
export interface Instant {
  readonly wallMs: number;
  readonly monoMs: number;
}

/** The latest usable answer of the control plane. */
export interface Proof {
  /** The wall clock when the heartbeat was sent. */
  readonly sentWallMs: number;
  /** The control plane's clock in the answer. */
  readonly cpTimeMs: number;
  /** Monotonic clock at sending and at the answer; for a proof that was read from disk, when and where it was read. */
  readonly basis:
    | { kind: "running"; sentMonoMs: number; receivedMonoMs: number }
    | { kind: "cold"; loaded: Instant };
}

/** What is known of this replica's clock. */
export interface ClockState {
  /** Control-plane time minus wall time as last measured, and half of that measurement's round trip. */
  readonly offsetMs: number | null;
  readonly errorMs: number | null;
  /** False when the wall clock was off by more than A2 allows: then a restart does not trust it alone. */
  readonly trusted: boolean;
  /** No wall clock of this replica has shown less since. */
  readonly highWaterMs: number;
}

/** What stands on disk of the two. */
export interface Stamp {
  readonly proof: { readonly sentWallMs: number; readonly cpTimeMs: number } | null;
  readonly clock: ClockState;
}

export const UNMEASURED: ClockState = { offsetMs: null, errorMs: null, trusted: true, highWaterMs: 0 };

/** Age of the proof in milliseconds; Infinity without one. */
export function ageMs(proof: Proof | undefined, now: Instant): number {
  if (proof === undefined) return Number.POSITIVE_INFINITY;
  const { basis } = proof;
  if (basis.kind === "running") {
    return Math.max(now.monoMs - basis.sentMonoMs, now.wallMs - proof.sentWallMs);
  }
  const sinceLoaded = Math.max(now.monoMs - basis.loaded.monoMs, now.wallMs - basis.loaded.wallMs);
  const atLoad = Math.max(basis.loaded.wallMs - proof.sentWallMs, basis.loaded.wallMs - proof.cpTimeMs);
  return atLoad + sinceLoaded + SKEW_MS_MAX;
}

/** A proof that was read from disk, if the clock allows to measure its age at all. Decided once, at load. */
export function coldProof(stamp: Stamp | undefined, now: Instant): Proof | undefined {
  if (stamp?.proof == null) return undefined;
  if (now.wallMs < stamp.clock.highWaterMs) return undefined;
  if (!stamp.clock.trusted) return undefined;
  return { ...stamp.proof, basis: { kind: "cold", loaded: now } };
}

/** The clock as an answer shows it: `sent` and `received` by this replica, `cpTimeMs` somewhere between them. */
export function measureClock(sent: Instant, received: Instant, cpTimeMs: number): ClockState {
  const roundTripMs = Math.max(received.monoMs - sent.monoMs, received.wallMs - sent.wallMs, 0);
  return {
    offsetMs: cpTimeMs - (sent.wallMs + received.wallMs) / 2,
    errorMs: roundTripMs / 2,
    trusted: Math.abs(received.wallMs - cpTimeMs) <= roundTripMs + SKEW_MS_MAX,
    highWaterMs: received.wallMs,
  };
}

/**
 * Unix milliseconds that expiry is compared with: this replica's wall clock, corrected as last measured. A wall clock
 * that is set back while the replica runs gives no key a longer life: at least what the monotonic clock has counted since
 * the proof has passed (A1).
 */
export function correctedNowMs(clock: ClockState, now: Instant, proof?: Proof): number {
  const offsetMs = clock.offsetMs ?? 0;
  const correctedMs = now.wallMs + offsetMs;
  if (proof === undefined) return correctedMs;
  const { basis } = proof;
  const leastMs =
    basis.kind === "running"
      ? (provedNowMs(proof, now) ?? correctedMs)
      : basis.loaded.wallMs + offsetMs + sinceMs(basis.loaded.monoMs, now);
  return Math.max(correctedMs, leastMs);
}

/**
 * Unix milliseconds that the control plane's clock shows at least, by an answer that this process has had and by the
 * monotonic clock alone (A1): no wall clock that is set, and no machine that sleeps, puts it ahead. undefined without one.
 */
export function provedNowMs(proof: Proof | undefined, now: Instant): number | undefined {
  if (proof?.basis.kind !== "running") return undefined;
  return proof.cpTimeMs + sinceMs(proof.basis.receivedMonoMs, now);
}

/**
 * Unix milliseconds by which something may be called over for good: the corrected time, to the millisecond, as long as
 * both clocks tell the same story since the proof. A wall clock that ran ahead of the monotonic one by more than drift and
 * a step explain (A1, A2) was set forward, or the machine slept: then it is only what the monotonic clock can show.
 */
export function certainNowMs(clock: ClockState, now: Instant, proof: Proof | undefined): number {
  const correctedMs = correctedNowMs(clock, now, proof);
  if (proof?.basis.kind !== "running") return correctedMs;
  const passedMs = now.monoMs - proof.basis.receivedMonoMs;
  const explainedMs = STEP_MS_MAX + passedMs * DRIFT_MAX + (clock.errorMs ?? 0);
  const aheadMs = correctedMs - (proof.cpTimeMs + passedMs);
  return aheadMs <= explainedMs ? correctedMs : (provedNowMs(proof, now) ?? correctedMs);
}

/** What has passed at least. */
function sinceMs(monoMs: number, now: Instant): number {
  return (now.monoMs - monoMs) * (1 - DRIFT_MAX);
}

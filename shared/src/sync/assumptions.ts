/** The physical assumptions behind every time that is promised (docs/protocol.md, A1 and A2). */

/** A1: clocks run within this fraction of the real rate. */
export const DRIFT_MAX = 0.01;

/** A2: a running wall clock, or the database's at a failover, is not stepped by more than this, in milliseconds. */
export const STEP_MS_MAX = 2_000;

/** A2: after a restart without contact, the wall clock is within this of the control plane's, in milliseconds. */
export const SKEW_MS_MAX = 30_000;

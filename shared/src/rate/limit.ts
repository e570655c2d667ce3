/** A limit per minute as a token bucket, and the part of it that is kept back as everybody's floor (PROTOCOL §2.9). */

export interface Rate {
  /** Per millisecond. */
  readonly rate: number;
  readonly burst: number;
}

export const NO_RATE: Rate = { rate: 0, burst: 0 };

/** Permanently booked, and spread over all replicas. */
const FLOOR = 0.05;

/** The whole limit: `burst` is min(L, max(10, ⌈L/6⌉)). */
export function wholeOf(perMinute: number): Rate {
  if (perMinute <= 0) return NO_RATE;
  return { rate: perMinute / 60_000, burst: Math.min(perMinute, Math.max(10, Math.ceil(perMinute / 6))) };
}

/**
 * What a replica may use without a share and beside one, where `part` of all floors is its own. A floor that could not
 * even hold one whole token if it were one replica's is not taken out of the limit: such a key needs a share.
 */
export function floorOf(perMinute: number, part: number): Rate {
  const whole = wholeOf(perMinute);
  if (whole.burst * FLOOR < 1) return NO_RATE;
  return { rate: whole.rate * FLOOR * part, burst: whole.burst * FLOOR * part };
}

/** What is dealt out: the limit without all floors. */
export function dealtOf(perMinute: number): Rate {
  const whole = wholeOf(perMinute);
  const floor = floorOf(perMinute, 1);
  return { rate: whole.rate - floor.rate, burst: whole.burst - floor.burst };
}

/** As `floorOf`, of requests at the same time. */
export function floorPermitsOf(max: number, part: number): number {
  return Math.floor(Math.floor(max * FLOOR) * part);
}

/** As `dealtOf`, of requests at the same time. */
export function dealtPermitsOf(max: number): number {
  return max - floorPermitsOf(max, 1);
}

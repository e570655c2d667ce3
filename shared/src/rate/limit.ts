/** A limit per minute as a token bucket, and the part of it that is kept back as everybody's floor (PROTOCOL §2.9). */

export interface Rate {
  /** Per millisecond. */
  readonly rate: number;
  readonly burst: number;
}

/** Permanently booked for replicas that have no share of a key. */
const FLOOR = 0.05;

/** The whole limit: `burst` is min(L, max(10, ⌈L/6⌉)). */
export function wholeOf(perMinute: number): Rate {
  if (perMinute <= 0) return { rate: 0, burst: 0 };
  return { rate: perMinute / 60_000, burst: Math.min(perMinute, Math.max(10, Math.ceil(perMinute / 6))) };
}

/**
 * What a replica without a share may use, where `floorN` replicas have to agree on it. A floor that could never hold one
 * whole token would admit nothing and is not taken out of the limit: such a key needs a share.
 */
export function floorOf(perMinute: number, floorN: number): Rate {
  const whole = wholeOf(perMinute);
  const burst = (whole.burst * FLOOR) / floorN;
  return burst < 1 ? { rate: 0, burst: 0 } : { rate: (whole.rate * FLOOR) / floorN, burst };
}

/** What is dealt out: the limit without all floors. */
export function dealtOf(perMinute: number, floorN: number): Rate {
  const whole = wholeOf(perMinute);
  const floor = floorOf(perMinute, floorN);
  return { rate: whole.rate - floor.rate * floorN, burst: whole.burst - floor.burst * floorN };
}

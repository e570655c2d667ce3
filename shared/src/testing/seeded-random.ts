/** Random numbers that a seed repeats: for tests and simulations, never for secrets that guard anything. */

export interface SeededRandom {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  pick<T>(from: readonly [T, ...T[]]): T;
  /** The shape of a source of random bytes. */
  readonly bytes: (length: number) => Uint8Array;
}

/** mulberry32: 32 bits of state, good enough to shuffle histories. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    int,
    pick: (from) => from[int(0, from.length - 1)] as (typeof from)[0],
    bytes: (length) => Uint8Array.from({ length }, () => int(0, 255)),
  };
}

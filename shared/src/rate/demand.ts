/** How much is wanted, refused requests included: half of what it was, half of what it is. */

/** Per millisecond, after a report of `n` in the last `elapsedMs`. */
export function smoothed(before: number, n: number, elapsedMs: number): number {
  return elapsedMs <= 0 ? before : before / 2 + n / elapsedMs / 2;
}

/** Nobody with an ear for a key gets less than this part of it. */
const LEAST_PART = 0.02;

/** The part of a limit that somebody with this demand wants, among all with theirs. */
export function partOf(demand: number, all: number): number {
  return Math.max(LEAST_PART, all > 0 ? demand / all : 1);
}

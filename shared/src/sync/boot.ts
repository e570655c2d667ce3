/**
 * Which process speaks for a replica. A boot names the process and its place in order: how often this replica has been
 * started, from its own disk, then something random. So a heartbeat that was held up on its way cannot put an ended
 * process back in charge, and two processes with the same count are two copies of one directory (A5).
 */

/** `<starts>.<random>`; `starts` was on disk before anything was said. */
export function bootOf(starts: number, random: string): string {
  return `${starts}.${random}`;
}

/** The count in a boot; 0 for what is none. */
export function startsOf(boot: string): number {
  const starts = Number.parseInt(boot, 10);
  return Number.isSafeInteger(starts) && starts > 0 ? starts : 0;
}

/** True when `boot` may speak although `held` was the last to: it is the same process, or a later one. */
export function maySpeakAfter(boot: string, held: string | null): boolean {
  return held === null || boot === held || startsOf(boot) > startsOf(held);
}

/** How much is wanted, refused requests included, and which part of a limit that is worth. */

/** What is asked for, as one replica measures it. One owner holds it; the functions here change it in place. */
export interface Demand {
  /** Per millisecond, as of `atMs`. */
  level: number;
  /** Asked for since then. */
  n: number;
  atMs: number;
}

/** What was asked for this long ago counts half. */
const HALF_LIFE_MS = 2_000;

/** Less than one request in a day is none. */
const LEAST = 1e-8;

export function noDemand(nowMs: number): Demand {
  return { level: 0, n: 0, atMs: nowMs };
}

/** Per millisecond, now. However often it is measured, the result is the same but for a moment. */
export function measure(demand: Demand, nowMs: number): number {
  const elapsedMs = Math.max(1, nowMs - demand.atMs);
  const kept = 0.5 ** (elapsedMs / HALF_LIFE_MS);
  demand.level = demand.level * kept + (Math.max(0, demand.n) / elapsedMs) * (1 - kept);
  if (demand.level < LEAST) demand.level = 0;
  demand.n = 0;
  demand.atMs = nowMs;
  return demand.level;
}

/** Of all who share a limit. */
export interface Demands {
  readonly all: number;
  readonly most: number;
}

export function demandsOf(lines: Iterable<{ readonly demand: number }>): Demands {
  let all = 0;
  let most = 0;
  for (const { demand } of lines) {
    all += demand;
    most = Math.max(most, demand);
  }
  return { all, most };
}

/** Nobody with an ear for a key gets less than this part of it. */
const LEAST_PART = 0.02;

/** The part of a limit that somebody with this demand wants, among all with theirs. */
export function partOf(demand: number, { all }: Demands): number {
  return Math.min(1, Math.max(LEAST_PART, all > 0 ? demand / all : 1));
}

/** Whether somebody with this demand wants at least one whole of what is too little for everybody. */
export function wantsOne(demand: number, { most }: Demands): boolean {
  return demand > 0 && demand * 10 >= most;
}

/** What heartbeats say of shares of limits, and what their answers bring (PROTOCOL §2.9); `wire/rate.ts` is the schema. */
import type { Share } from "./book.ts";
import type { Rate } from "./limit.ts";

/**
 * Where a book begins: what was dealt before is not in it. Of two the later one has the higher epoch, and the later
 * moment within it.
 */
export interface Generation {
  readonly epoch: number;
  readonly sinceMs: number;
}

/** Whether `a` began after `b`. */
export function isLater(a: Generation, b: Generation | undefined): boolean {
  if (b === undefined) return true;
  return a.epoch === b.epoch ? a.sinceMs > b.sinceMs : a.epoch > b.epoch;
}

/** Part of all floors that one replica may use. */
export interface FloorPart {
  /** 0: none. */
  readonly id: number;
  readonly part: number;
}

/** A share of requests or tokens as a replica uses it. */
export interface RateHeld extends Rate {
  /** 0: none. */
  readonly id: number;
  /** Wanted per millisecond, refused ones included. */
  readonly demand: number;
}

export interface PermitsHeld {
  readonly id: number;
  readonly permits: number;
  readonly inflight: number;
  readonly wanted: number;
}

/** One key. `gone`: nothing of it is used any more, and nothing that is still on its way will be. */
export interface KeyReport {
  readonly key: string;
  readonly gone?: true | undefined;
  readonly requests?: RateHeld | undefined;
  readonly tokens?: RateHeld | undefined;
  readonly permits?: PermitsHeld | undefined;
}

export interface RateReports {
  /** Counts the reports of this process. */
  readonly n: number;
  /** The latest that it has heard of; absent: none. */
  readonly generation?: Generation | undefined;
  readonly floor: FloorPart;
  /** Every share that is not of this generation is among these. */
  readonly whole: boolean;
  readonly keys: readonly KeyReport[];
}

export interface PermitsDealt {
  readonly id: number;
  readonly permits: number;
  readonly ttlMs: number;
}

export interface KeyShares {
  readonly key: string;
  readonly requests?: Share | undefined;
  readonly tokens?: Share | undefined;
  readonly permits?: PermitsDealt | undefined;
}

export interface RateAnswer {
  /** Of the report that it answers. */
  readonly n: number;
  readonly generation: Generation;
  readonly floor: FloorPart;
  readonly keys: readonly KeyShares[];
}

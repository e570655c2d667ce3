/**
 * How much is spent from each budget here, and so how much of it is to be held: what the keys that spend from it can spend
 * while the control plane is away. It decides the size of slices only, never how much there is.
 */
import type { Demand } from "@claviger/shared/wire/escrow";

/** Spending is averaged over so long, and over half a minute at least when it has only begun. */
const AVERAGED_MS = 300_000;
const BEGUN_MS = 30_000;
/** Of a budget that was not spent from for so long nothing is said. */
const SAID_MS = 24 * 3_600_000;
/** A heartbeat has no more lines. */
const LINES_MAX = 4_000;
/** More than averages: what is reserved is more than what is spent, and load is never steady. */
const MARGIN = 1.25;
const RESERVATIONS = 8;
/** What the wire takes. */
const NANOS_MAX = 10 ** 16;

interface Line {
  readonly sinceMs: number;
  seenMs: number;
  /** Nano-dollars, each worth less by and by, at `spentMs`. */
  spent: number;
  spentMs: number;
  /** Of a reservation. */
  mean: number;
  /** The longest time that a key which spends from it may be without the control plane. */
  aloneMs: number;
}

export class Spendings {
  readonly #lines = new Map<string, Line>();
  readonly #monoMs: () => number;

  constructor(monoMs: () => number) {
    this.#monoMs = monoMs;
  }

  /** Somebody wants to reserve so much in it. */
  wanted(budget: string, nanos: bigint, aloneMs: number): void {
    const nowMs = this.#monoMs();
    const bound = Number(nanos);
    const line = this.#lines.get(budget);
    const next = line ?? {
      ...{ sinceMs: nowMs, seenMs: nowMs, spent: 0, spentMs: nowMs, mean: bound, aloneMs },
    };
    next.seenMs = nowMs;
    next.mean += (bound - next.mean) / 16;
    next.aloneMs = Math.max(next.aloneMs, aloneMs);
    // Those that were spent from last are the last in the map.
    this.#lines.delete(budget);
    this.#lines.set(budget, next);
  }

  spent(budget: string, nanos: bigint): void {
    const line = this.#lines.get(budget);
    if (line === undefined) return;
    const nowMs = this.#monoMs();
    line.spent = worth(line, nowMs) + Number(nanos);
    line.spentMs = nowMs;
  }

  /** A line for each budget that was spent from in the last 24 h; the latest ones, where there are too many. */
  lines(): Demand[] {
    const nowMs = this.#monoMs();
    for (const [budget, { seenMs }] of this.#lines) {
      if (nowMs - seenMs <= SAID_MS && this.#lines.size <= LINES_MAX) break;
      this.#lines.delete(budget);
    }
    return Array.from(this.#lines, ([budget, line]) => ({
      budget,
      hold: wire(holdOf(line, nowMs)),
      mean: wire(line.mean),
    }));
  }
}

function holdOf(line: Line, nowMs: number): number {
  const spent = worth(line, nowMs);
  if (spent < 1) return 0;
  const ageMs = Math.max(BEGUN_MS, nowMs - line.sinceMs);
  const perMs = spent / (AVERAGED_MS * (1 - Math.exp(-ageMs / AVERAGED_MS)));
  return perMs * line.aloneMs * MARGIN + RESERVATIONS * line.mean;
}

function worth({ spent, spentMs }: Line, nowMs: number): number {
  return spent * Math.exp((spentMs - nowMs) / AVERAGED_MS);
}

function wire(nanos: number): string {
  return String(BigInt(Math.round(Math.min(nanos, NANOS_MAX))));
}

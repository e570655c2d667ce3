/**
 * The book of one limit of one key at the control plane (PROTOCOL §2.9): who may use how much of it, and the level of the
 * bucket that is nobody's. The bargain: booked rates and bursts never exceed the limit, and tokens change hands but are
 * never made; so all replicas together admit nothing that one central bucket would refuse.
 */
import { partOf, smoothed } from "./demand.ts";
import type { Rate } from "./limit.ts";
import { booked, type Outstanding, stillOut, untilOf } from "./outstanding.ts";

export interface BookedShare extends Outstanding, Rate {}

interface Line {
  shares: readonly BookedShare[];
  /** Per millisecond. */
  demand: number;
}

/** One owner holds it, under the key's lock, and hands it to `deal`, which changes it in place. */
export interface Book {
  /** What may be dealt out (`dealtOf`). */
  limit: Rate;
  readonly lines: Map<string, Line>;
  /** Tokens that are nobody's, as of `atMs`. */
  level: number;
  atMs: number;
  /** Replicas that may hold shares which this book has lost and have not said so, and until when they can. */
  readonly unheard: Map<string, number>;
}

export interface RateReport {
  readonly replica: string;
  /** The share that it uses, as it was dealt; id 0: none. */
  readonly held: Rate & { readonly id: number };
  /** Asked for since its last report, refused ones included. */
  readonly n: number;
  readonly elapsedMs: number;
}

/** What the answer brings. It lasts for `ttlMs` from the moment the report was sent. */
export interface Share extends Rate {
  readonly id: number;
  readonly tokens: number;
  readonly ttlMs: number;
}

/** The book of a key that has just got its limit: nobody holds anything, and the bucket is full. */
export function newBook(limit: Rate, nowMs: number): Book {
  return { limit, lines: new Map(), level: limit.burst, atMs: nowMs, unheard: new Map() };
}

/**
 * A book that was lost: nothing grows before everybody who may hold a share (until when, in milliseconds) has reported.
 * Only a report that was made in full knowledge of the loss counts, so that no answer of before it is still to come.
 */
export function lostBook(limit: Rate, mayHold: Iterable<readonly [string, number]>, nowMs: number): Book {
  return { ...newBook(limit, nowMs), level: 0, unheard: new Map(mayHold) };
}

/** Takes a report in, and gives the replica its next share; `id` is larger than any before it. */
export function deal(book: Book, report: RateReport, id: number, ttlMs: number, nowMs: number): Share {
  const { replica } = report;
  refill(book, nowMs);
  const line = book.lines.get(replica) ?? { shares: [], demand: 0 };
  book.lines.set(replica, line);
  for (const [name, untilMs] of book.unheard) if (untilMs <= nowMs) book.unheard.delete(name);
  if (book.unheard.delete(replica)) line.shares = learnt(line, report, untilOf(nowMs, ttlMs));
  for (const [name, one] of book.lines) {
    one.shares = stillOut(one.shares, name === replica ? report.held.id : 0, nowMs);
  }
  line.demand = smoothed(line.demand, report.n, report.elapsedMs);
  const before = booked(line.shares, ({ burst }) => burst);
  const { rate, burst } = nextShare(book, replica, line, report);
  line.shares = [...line.shares, { id, rate, burst, untilMs: untilOf(nowMs, ttlMs) }];
  const tokens = book.unheard.size > 0 ? 0 : Math.max(0, Math.min(book.level, burst - before));
  book.level = Math.max(0, Math.min(book.level - tokens, free(book).burst));
  return { id, rate, burst, tokens, ttlMs };
}

/** Said goodbye, or was detached: what it had is free at once. */
export function release(book: Book, replica: string, nowMs: number): void {
  refill(book, nowMs);
  book.lines.delete(replica);
  book.unheard.delete(replica);
}

/** A limit that was edited; what is booked beyond a smaller one comes back as shares are replaced. */
export function relimit(book: Book, limit: Rate, nowMs: number): void {
  refill(book, nowMs);
  book.limit = limit;
  book.level = Math.max(0, Math.min(book.level, free(book).burst));
}

function learnt({ shares }: Line, { held }: RateReport, untilMs: number): readonly BookedShare[] {
  return held.id === 0 ? shares : [...shares, { id: held.id, rate: held.rate, burst: held.burst, untilMs }];
}

/** In proportion to demand, within what others leave. */
function nextShare(book: Book, replica: string, line: Line, { held }: RateReport): Rate {
  const { limit } = book;
  if (limit.rate <= 0) return { rate: 0, burst: 0 };
  const left = free(book, replica);
  const all = [...book.lines.values()].reduce((sum, { demand }) => sum + demand, 0);
  const wanted = limit.rate * Math.min(1, partOf(line.demand, all));
  const rate = Math.max(0, Math.min(wanted, left.rate));
  const fair = (limit.burst * rate) / limit.rate;
  // Less than one token admits nothing: a small limit is whole at whoever asks.
  const burst = Math.max(0, Math.min(line.demand > 0 ? Math.max(1, fair) : fair, left.burst));
  if (book.unheard.size === 0) return { rate, burst };
  return { rate: Math.min(rate, held.rate), burst: Math.min(burst, held.burst) };
}

/** What nobody has booked; without `except`, whose share is being made. */
function free(book: Book, except?: string): Rate {
  let { rate, burst } = book.limit;
  for (const [name, { shares }] of book.lines) {
    if (name === except) continue;
    rate -= booked(shares, (share) => share.rate);
    burst -= booked(shares, (share) => share.burst);
  }
  return { rate, burst };
}

/**
 * As of the bookings until now; a clock that went back fills nothing. A lost book does not know what is booked: what
 * unheard replicas fill their buckets with must not fill this one as well.
 */
function refill(book: Book, nowMs: number): void {
  const { rate, burst } = free(book);
  const passedMs = book.unheard.size > 0 ? 0 : Math.max(0, nowMs - book.atMs);
  book.level = Math.max(0, Math.min(Math.max(0, burst), book.level + passedMs * Math.max(0, rate)));
  book.atMs = Math.max(book.atMs, nowMs);
}

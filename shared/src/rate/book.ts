/**
 * The book of one limit of one key at the control plane (PROTOCOL §2.9): who may use how much of it, and the level of the
 * bucket that is nobody's. The bargain: booked rates and bursts never exceed the limit, and tokens change hands but are
 * never made; so all replicas together admit nothing that one central bucket would refuse.
 */
import { type Demands, demandsOf, partOf, wantsOne } from "./demand.ts";
import { NO_RATE, type Rate } from "./limit.ts";
import { booked, type Outstanding, settledOn, stillOut, untilOf } from "./outstanding.ts";

/** A part of the limit that is not worth a report. */
const SMALL = 0.02;

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
  /** What it is asked for per millisecond, refused ones included. */
  readonly demand: number;
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
  line.demand = report.demand;
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

/**
 * In proportion to demand, within what others leave. A small change is not worth a round of reports: then it stays at
 * what it has, unless others lack what it would give back.
 */
function nextShare(book: Book, replica: string, line: Line, { held }: RateReport): Rate {
  const left = free(book, replica);
  const demands = demandsOf(book.lines.values());
  const next = atMost(wishOf(book, line, demands), left);
  if (book.unheard.size > 0) {
    return { rate: Math.min(next.rate, held.rate), burst: Math.min(next.burst, held.burst) };
  }
  const now = settledOn(line.shares, held.id);
  if (now === undefined || now.rate > left.rate || now.burst > left.burst) return next;
  const { limit } = book;
  const near =
    Math.abs(now.rate - next.rate) <= SMALL * limit.rate &&
    Math.abs(now.burst - next.burst) <= Math.max(SMALL * limit.burst, 0.5);
  if (!near || lacking(book, demands).some(([name]) => name !== replica)) return next;
  return { rate: now.rate, burst: now.burst };
}

/** Less than one token admits nothing, so that there is no use in filling it. */
function atMost(wish: Rate, left: Rate): Rate {
  const burst = Math.min(wish.burst, left.burst);
  return burst < 1 ? NO_RATE : { rate: Math.max(0, Math.min(wish.rate, left.rate)), burst };
}

/** What this line's demand is worth. Of a small limit one token is the least that is of any use. */
function wishOf({ limit }: Book, { demand }: Line, demands: Demands): Rate {
  if (limit.burst < 1) return NO_RATE;
  const part = partOf(demand, demands);
  const burst = limit.burst * part;
  return { rate: limit.rate * part, burst: wantsOne(demand, demands) ? Math.max(1, burst) : burst };
}

/** Lines that wish for noticeably more than they have. */
function lacking(book: Book, demands: Demands): [name: string, line: Line][] {
  return [...book.lines].filter(([, line]) => {
    const wish = wishOf(book, line, demands);
    const now = bookedOf(line);
    return (wish.burst >= 1 && now.burst < 1) || wish.rate - now.rate > 2 * SMALL * book.limit.rate;
  });
}

/**
 * Whose next report would change something that matters: those who have what others lack, and those who lack what
 * nobody has. Nobody's while the book has not heard of everybody.
 */
export function unsettled(book: Book): readonly string[] {
  const demands = demandsOf(book.lines.values());
  const without = book.unheard.size > 0 ? [] : lacking(book, demands);
  if (without.length === 0) return [];
  const { limit } = book;
  const holders = [...book.lines].filter(([, line]) => {
    const wish = wishOf(book, line, demands);
    const now = bookedOf(line);
    return now.rate - wish.rate > SMALL * limit.rate || (now.burst >= 1 && wish.burst < 1);
  });
  const left = free(book);
  const worth = left.burst >= 1 && left.rate > SMALL * limit.rate;
  return [...holders, ...(worth ? without : [])].map(([name]) => name);
}

function bookedOf({ shares }: Line): Rate {
  return { rate: booked(shares, ({ rate }) => rate), burst: booked(shares, ({ burst }) => burst) };
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

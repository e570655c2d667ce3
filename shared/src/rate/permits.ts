/** Concurrency over all replicas: whole permits, of which those in use come back only when they are free. */
import { type Demands, demandsOf, partOf, wantsOne } from "./demand.ts";
import { booked, type Outstanding, stillOut, untilOf } from "./outstanding.ts";

export interface PermitShare extends Outstanding {
  readonly permits: number;
}

interface Line {
  shares: readonly PermitShare[];
  inflight: number;
  demand: number;
}

/** One owner holds it, under the key's lock. */
export interface PermitBook {
  /** What may be dealt out (`dealtPermitsOf`). */
  max: number;
  readonly lines: Map<string, Line>;
  /** As in `Book`. */
  readonly unheard: Map<string, number>;
}

export interface PermitReport {
  readonly replica: string;
  readonly held: { readonly id: number; readonly permits: number };
  /** Beyond its floor. */
  readonly inflight: number;
  /** Requests at once that it has, or would have. */
  readonly wanted: number;
}

/** The book of a key that has just got its limit: nobody holds anything. */
export function newPermitBook(max: number): PermitBook {
  return { max, lines: new Map(), unheard: new Map() };
}

/** A book that was lost; as `lostBook`: nothing grows until all who may hold a share have reported, or can hold none. */
export function lostPermitBook(max: number, mayHold: Iterable<readonly [string, number]>): PermitBook {
  return { ...newPermitBook(max), unheard: new Map(mayHold) };
}

/** Said goodbye, or was detached: what it had is free at once. */
export function releasePermits(book: PermitBook, replica: string): void {
  book.lines.delete(replica);
  book.unheard.delete(replica);
}

/** A limit that was edited; what is out beyond a smaller one comes back as shares are replaced. */
export function relimitPermits(book: PermitBook, max: number): void {
  book.max = max;
}

/** The permits of this replica from now on; the sum over all never exceeds the limit. */
export function dealPermits(
  book: PermitBook,
  report: PermitReport,
  id: number,
  ttlMs: number,
  nowMs: number,
): PermitShare {
  const { replica, held, inflight } = report;
  const line = book.lines.get(replica) ?? { shares: [], inflight: 0, demand: 0 };
  book.lines.set(replica, line);
  const untilMs = untilOf(nowMs, ttlMs);
  for (const [name, endMs] of book.unheard) if (endMs <= nowMs) book.unheard.delete(name);
  if (book.unheard.delete(replica) && held.id > 0) line.shares = [...line.shares, { ...held, untilMs }];
  // A smaller share is in force when no more are in flight than it allows.
  const inForce = inflight <= held.permits ? held.id : 0;
  for (const [name, one] of book.lines)
    one.shares = stillOut(one.shares, name === replica ? inForce : 0, nowMs);
  line.inflight = inflight;
  line.demand = report.wanted;
  const demands = demandsOf(book.lines.values());
  const wished = Math.min(wishOf(book, line, demands), Math.max(0, free(book, replica)));
  const permits = book.unheard.size > 0 ? Math.min(wished, held.permits) : wished;
  const share = { id, permits, untilMs };
  line.shares = [...line.shares, share];
  return share;
}

/** As of `Book`. */
export function unsettledPermits(book: PermitBook): readonly string[] {
  const lines = [...book.lines];
  const demands = demandsOf(book.lines.values());
  const lacking = lines.filter(([, line]) => wishOf(book, line, demands) > bookedPermits(line));
  if (lacking.length === 0 || book.unheard.size > 0) return [];
  const holders = lines.filter(([, line]) => wishOf(book, line, demands) < bookedPermits(line));
  return [...holders, ...(free(book) > 0 ? lacking : [])].map(([name]) => name);
}

/** In proportion to demand; whoever asks first gets the odd one. */
function wishOf({ max }: PermitBook, { demand }: Line, demands: Demands): number {
  const fair = max * partOf(demand, demands);
  return demand > 0 ? Math.ceil(Math.max(fair, wantsOne(demand, demands) ? 1 : 0)) : Math.floor(fair);
}

/** What nobody has booked; without `except`, whose share is being made. */
function free({ max, lines }: PermitBook, except?: string): number {
  let left = max;
  for (const [name, line] of lines) if (name !== except) left -= bookedPermits(line);
  return left;
}

/** What a replica may have in flight now; of one that was never heard again, until its share ends. */
function bookedPermits({ shares, inflight }: Line): number {
  return shares.length === 0
    ? 0
    : Math.max(
        inflight,
        booked(shares, ({ permits }) => permits),
      );
}

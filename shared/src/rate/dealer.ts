/**
 * The control plane's side of an organization's limits: what one report is answered with (PROTOCOL §2.9). The bargain:
 * one owner at a time, under the organization's lock; shares go only to who knows of this generation, so that nothing
 * which was dealt before a loss is still to come; and an older report than one that was heard is not dealt to, so that a
 * late one gives nothing back that was dealt since.
 */
import { type Book, deal, lostBook, newBook, release, relimit, unsettled } from "./book.ts";
import { dealtOf, dealtPermitsOf } from "./limit.ts";
import type { FloorPart, Generation, KeyReport, KeyShares, RateAnswer, RateReports } from "./message.ts";
import { settledOn, untilOf } from "./outstanding.ts";
import {
  dealPermits,
  lostPermitBook,
  newPermitBook,
  type PermitBook,
  releasePermits,
  relimitPermits,
  unsettledPermits,
} from "./permits.ts";

/** Nobody admits anything for longer without the control plane, whatever the key: 7 days. */
const FLOOR_TTL_MS = 604_800_000;

/** All floors of the fleet, of every limit alike, as one limit whose parts are dealt. */
const ALL_FLOORS = { rate: 1, burst: 1e6 };

interface Heard {
  readonly starts: number;
  readonly n: number;
  /** It has said all that it holds of earlier generations. */
  readonly whole: boolean;
}

/** What is kept once for an organization. */
export interface FleetBook {
  readonly generation: Generation;
  /** The largest id of a share so far. */
  lastId: number;
  readonly heard: Map<string, Heard>;
  readonly floors: Book;
}

/** The books of one key. */
export interface KeyBook {
  readonly generation: Generation;
  requests?: Book | undefined;
  tokens?: Book | undefined;
  permits?: PermitBook | undefined;
}

/** A key's limits as they are now; null: none. */
export interface KeyLimits {
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly maxConcurrency: number | null;
  /** How long a replica keeps a share of it. */
  readonly ttlMs: number;
  /** The longest for which one may have kept an earlier share. */
  readonly ttlMsMax: number;
  readonly createdMs: number;
}

/** A replica that was not detached. */
export interface Member {
  /** When it was last told that its table is current; null: never, and then it admits nothing. */
  readonly freshMs: number | null;
  /** It has said goodbye, and nothing since. */
  readonly bye: boolean;
}

export interface Speaker {
  readonly replica: string;
  /** How often it was started. */
  readonly starts: number;
}

export interface Desk {
  readonly fleet: FleetBook;
  /** Of the keys that are reported; new ones are added, and those of keys without limits taken out. */
  readonly books: Map<string, KeyBook>;
  readonly limits: ReadonlyMap<string, KeyLimits>;
  readonly members: ReadonlyMap<string, Member>;
  readonly nowMs: number;
}

/** The book of an organization that has none, or whose own is of another past. */
export function newFleetBook(epoch: number, members: ReadonlyMap<string, Member>, nowMs: number): FleetBook {
  const mayHold = holders(members, FLOOR_TTL_MS, () => false);
  return {
    generation: { epoch, sinceMs: nowMs },
    lastId: 0,
    heard: new Map(),
    floors: lostBook(ALL_FLOORS, mayHold, nowMs),
  };
}

export interface Answered {
  readonly answer: RateAnswer;
  /** Replicas that should report soon. */
  readonly poke: ReadonlySet<string>;
  /** Whether the organization's own book is another one now. */
  readonly changed: boolean;
}

/** Takes one report in and answers it. */
export function answerReport(desk: Desk, speaker: Speaker, report: RateReports): Answered {
  const { fleet } = desk;
  const { generation } = fleet;
  const { n } = report;
  const poke = new Set<string>();
  const before = fleet.heard.get(speaker.replica);
  const late =
    before !== undefined &&
    (speaker.starts < before.starts || (speaker.starts === before.starts && n < before.n));
  const knows =
    report.generation?.epoch === generation.epoch && report.generation.sinceMs === generation.sinceMs;
  if (late || !knows) {
    return { answer: { n, generation, floor: report.floor, keys: [] }, poke, changed: false };
  }
  const idBefore = fleet.lastId;
  const keys: KeyShares[] = [];
  for (const key of report.keys) {
    const dealt = dealKey(desk, speaker.replica, key, poke);
    if (dealt !== undefined) keys.push(dealt);
  }
  const { starts } = speaker;
  const whole = report.whole || before?.whole === true;
  const floor = dealFloor(desk, speaker.replica, report.floor);
  poke.delete(speaker.replica);
  const same = before?.starts === starts && before.whole === whole && fleet.lastId === idBefore;
  const changed = !same || report.keys.length > 0;
  // A report that changes nothing need not be remembered: an earlier one that comes later changes nothing either.
  if (changed) fleet.heard.set(speaker.replica, { starts, n, whole });
  return { answer: { n, generation, floor, keys }, poke, changed };
}

/** Equal parts; a replica that was enrolled later has none before others have given some up. */
function dealFloor(
  { fleet, members, nowMs }: Desk,
  replica: string,
  { id: held, part }: FloorPart,
): FloorPart {
  const { floors } = fleet;
  for (const name of new Set([...floors.lines.keys(), ...floors.unheard.keys()])) {
    if (!members.has(name)) release(floors, name, nowMs);
  }
  const now = settledOn(floors.lines.get(replica)?.shares ?? [], held);
  const equal = Math.abs(part - 1 / Math.max(1, floors.lines.size)) < 1e-9;
  if (now !== undefined && equal && now.untilMs - nowMs > FLOOR_TTL_MS / 2) return { id: held, part };
  const use = { id: held, rate: part, burst: part * ALL_FLOORS.burst };
  const share = deal(floors, { replica, held: use, demand: 1 }, nextId(fleet, nowMs), FLOOR_TTL_MS, nowMs);
  return { id: share.id, part: share.rate };
}

function dealKey(desk: Desk, replica: string, report: KeyReport, poke: Set<string>): KeyShares | undefined {
  const { books, nowMs } = desk;
  const { key } = report;
  const limits = desk.limits.get(key);
  if (limits === undefined) {
    books.delete(key);
    return undefined;
  }
  const book = bookOf(desk, key, limits);
  leaveOut(desk, book);
  const { requests, tokens, permits } = book;
  if (report.gone === true) {
    if (requests !== undefined) release(requests, replica, nowMs);
    if (tokens !== undefined) release(tokens, replica, nowMs);
    if (permits !== undefined) releasePermits(permits, replica);
  }
  const { ttlMs } = limits;
  const rate = (of: Book | undefined, held: KeyReport["requests"]) =>
    of === undefined || held === undefined || report.gone === true
      ? undefined
      : deal(of, { replica, held, demand: held.demand }, nextId(desk.fleet, nowMs), ttlMs, nowMs);
  const dealt = {
    key,
    requests: rate(requests, report.requests),
    tokens: rate(tokens, report.tokens),
    permits: permits && permitsFor(desk, permits, replica, report, ttlMs),
  };
  for (const each of [requests, tokens]) {
    if (each !== undefined) for (const name of unsettled(each)) poke.add(name);
  }
  if (permits !== undefined) for (const name of unsettledPermits(permits)) poke.add(name);
  return report.gone === true ? undefined : dealt;
}

function permitsFor(
  { fleet, nowMs }: Desk,
  book: PermitBook,
  replica: string,
  { permits: said, gone }: KeyReport,
  ttlMs: number,
): KeyShares["permits"] {
  if (said === undefined || gone === true) return undefined;
  const { inflight, wanted } = said;
  const held = { id: said.id, permits: said.permits };
  const share = dealPermits(book, { replica, held, inflight, wanted }, nextId(fleet, nowMs), ttlMs, nowMs);
  return { id: share.id, permits: share.permits, ttlMs };
}

/** The key's books, with the limits that it has now. */
function bookOf(desk: Desk, key: string, limits: KeyLimits): KeyBook {
  const { books, nowMs, fleet } = desk;
  const known = books.get(key);
  const { generation } = fleet;
  const same =
    known?.generation.epoch === generation.epoch && known.generation.sinceMs === generation.sinceMs;
  const book: KeyBook = same ? known : { generation };
  books.set(key, book);
  const lost = !same && limits.createdMs < generation.sinceMs;
  const mayHold = lost ? holders(desk.members, limits.ttlMsMax, (name) => hasSaidAll(fleet, name)) : [];
  const rateBook = (of: Book | undefined, perMinute: number | null): Book | undefined => {
    // What is out of a limit that was taken away counts when it comes back.
    if (perMinute === null) return of;
    const limit = dealtOf(perMinute);
    if (of === undefined) return lost ? lostBook(limit, mayHold, nowMs) : newBook(limit, nowMs);
    if (of.limit.rate !== limit.rate || of.limit.burst !== limit.burst) relimit(of, limit, nowMs);
    return of;
  };
  book.requests = rateBook(book.requests, limits.requestsPerMinute);
  book.tokens = rateBook(book.tokens, limits.tokensPerMinute);
  book.permits = permitBookOf(book.permits, limits.maxConcurrency, lost ? mayHold : undefined);
  return book;
}

function permitBookOf(
  of: PermitBook | undefined,
  max: number | null,
  mayHold: readonly (readonly [string, number])[] | undefined,
): PermitBook | undefined {
  if (max === null) return of;
  const dealt = dealtPermitsOf(max);
  if (of === undefined) return mayHold === undefined ? newPermitBook(dealt) : lostPermitBook(dealt, mayHold);
  if (of.max !== dealt) relimitPermits(of, dealt);
  return of;
}

/** Who has gone has given everything back, and who has said all that it holds is not waited for. */
function leaveOut({ fleet, members, nowMs }: Desk, book: KeyBook): void {
  for (const each of [book.requests, book.tokens, book.permits]) {
    if (each === undefined) continue;
    for (const name of each.unheard.keys()) if (hasSaidAll(fleet, name)) each.unheard.delete(name);
    for (const name of new Set([...each.lines.keys(), ...each.unheard.keys()])) {
      const member = members.get(name);
      if (member !== undefined && !member.bye) continue;
      if ("limit" in each) release(each, name, nowMs);
      else releasePermits(each, name);
    }
  }
}

function hasSaidAll({ heard }: FleetBook, replica: string): boolean {
  return heard.get(replica)?.whole === true;
}

/** Who may use something that was dealt before this generation, and until when. */
function holders(
  members: ReadonlyMap<string, Member>,
  ttlMs: number,
  except: (replica: string) => boolean,
): (readonly [string, number])[] {
  return [...members].flatMap(([name, { freshMs }]) =>
    freshMs === null || except(name) ? [] : [[name, untilOf(freshMs, ttlMs)] as const],
  );
}

/** Larger than any before it, also of a book that was lost: microseconds, which nobody is dealt to more often than. */
function nextId(fleet: FleetBook, nowMs: number): number {
  fleet.lastId = Math.max(fleet.lastId + 1, Math.floor(nowMs * 1_000));
  return fleet.lastId;
}

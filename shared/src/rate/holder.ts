/**
 * A replica's side of its organization's limits: what it holds of each key that is asked for, what it says of it, and
 * what it does with the answer (PROTOCOL §2.9). The bargain: of a key that it has forgotten it uses nothing that was
 * dealt before, and it says so until it is heard; a share is used from when its report was sent.
 */
import type { Instant } from "../sync/freshness.ts";
import {
  type Asked,
  correctOf,
  type Entry,
  isLimited,
  isOver,
  isSpare,
  lineOf,
  mayEnter,
  newEntry,
  type Own,
  placesOf,
  putOwn,
  reportOf,
  takeOf,
  takeUpShares,
} from "./entry.ts";
import {
  type FloorPart,
  type Generation,
  isLater,
  type KeyReport,
  type RateAnswer,
  type RateReports,
} from "./message.ts";

/** Keys in one report; what is left over goes with the next. */
const KEYS_MAX = 500;
/** Reports whose answers are waited for; those to older ones are not used. */
const SENT_MAX = 16;
/** A key that nobody asks for is forgotten after this long. */
const IDLE_MS = 60_000;
/** The control plane has answered within this time: what is given back can be had again. */
const CONTACT_MS = 30_000;
/** Who has nothing to say says so this often. */
const QUIET_MS = 30_000;
/** Forgotten keys that are told of; more keep their shares at the control plane until those are over. */
const GONE_MAX = 20_000;

/** Looked at in one sweep. */
const SWEPT_MAX = 10_000;
const NO_FLOOR: FloorPart = { id: 0, part: 0 };

interface Sent {
  readonly at: Instant;
  readonly gone: readonly string[];
}

/** One process. Times are handed in; `need` is called when a report should go out soon, `urgent` when somebody waits for it. */
export class Holder {
  readonly entries = new Map<string, Entry>();
  /** Which limit refused, of the last `take` that returned more than 0. */
  refusedBy: "requests" | "tokens" = "requests";
  /** The part that is in use. */
  floor: FloorPart;
  #own: Own;
  readonly #need: (urgent: boolean) => void;
  readonly #lively = new Set<string>();
  readonly #gone = new Set<string>();
  readonly #sent = new Map<number, Sent>();
  #anyOld = false;
  #generation: Generation | undefined;
  #n = 0;
  #answeredMonoMs: number;
  #reportedMonoMs = Number.NEGATIVE_INFINITY;
  #sweeping: Iterator<Entry> | undefined;
  /** As the control plane may still believe it, while requests are in flight on what was more. */
  #floorBefore: FloorPart | undefined;

  /** `part`: of all floors, as the process before had it. `equal`: as `divide`, from the start. */
  constructor(nowMonoMs: number, need: (urgent: boolean) => void, part = 0, equal = 0) {
    this.floor = { ...NO_FLOOR, part };
    this.#own = { part, equal };
    this.#need = need;
    this.#answeredMonoMs = nowMonoMs;
  }

  /** The key's entry, in use from now on. */
  touch(key: string, nowMonoMs: number): Entry {
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = newEntry(key, nowMonoMs);
      this.entries.set(key, entry);
      this.#gone.delete(key);
      this.#lively.add(key);
      this.#need(true);
    } else if (!entry.lively) {
      entry.lively = true;
      this.#lively.add(key);
    }
    entry.usedMonoMs = nowMonoMs;
    return entry;
  }

  /** The key's entry with all of its limits, before anything is taken. */
  open(asked: Asked, nowMonoMs: number): Entry {
    const entry = this.lines(this.touch(asked.keyId, nowMonoMs), asked, nowMonoMs);
    const { maxConcurrency } = asked;
    entry.places =
      maxConcurrency === null ? undefined : placesOf(entry.places, maxConcurrency, this.#own, nowMonoMs);
    return entry;
  }

  /** One more request at the same time; false: not now. */
  enter(asked: Asked, nowMonoMs: number, nowWallMs: number): boolean {
    if (!isLimited(asked)) return true;
    const entry = this.open(asked, nowMonoMs);
    if (entry.places !== undefined && !mayEnter(entry, entry.places, nowMonoMs, nowWallMs)) {
      this.#need(false);
      return false;
    }
    entry.inflight++;
    return true;
  }

  leave(key: string): void {
    const entry = this.entries.get(key);
    if (entry !== undefined && entry.inflight > 0) entry.inflight--;
  }

  /** Takes a request and its estimate, or neither; 0, or after how many milliseconds it may succeed. */
  take(asked: Asked, estimate: number, nowMonoMs: number, nowWallMs: number): number {
    const { requestsPerMinute, tokensPerMinute } = asked;
    if (requestsPerMinute === null && tokensPerMinute === null) return 0;
    const entry = this.touch(asked.keyId, nowMonoMs);
    const { requests, tokens } = this.lines(entry, asked, nowMonoMs);
    if (requests !== undefined) {
      const waitMs = takeOf(requests, 1, false, nowMonoMs, nowWallMs);
      if (waitMs > 0) return this.#refused("requests", waitMs);
    }
    if (tokens === undefined) return 0;
    const waitMs = takeOf(tokens, estimate, true, nowMonoMs, nowWallMs);
    if (waitMs === 0) return 0;
    correctOf(requests, 1, 0);
    return this.#refused("tokens", waitMs);
  }

  /** The entry's lines with the limits as they are now. */
  lines(entry: Entry, { requestsPerMinute, tokensPerMinute }: Asked, nowMonoMs: number): Entry {
    const own = this.#own;
    entry.requests =
      requestsPerMinute === null ? undefined : lineOf(entry.requests, requestsPerMinute, own, nowMonoMs);
    entry.tokens =
      tokensPerMinute === null ? undefined : lineOf(entry.tokens, tokensPerMinute, own, nowMonoMs);
    return entry;
  }

  /** What was taken for a request that was not forwarded. */
  giveBack(key: string, estimate: number): void {
    const entry = this.entries.get(key);
    correctOf(entry?.requests, 1, 0);
    correctOf(entry?.tokens, estimate, 0);
  }

  correct(key: string, estimated: number, used: number, now: Instant): void {
    correctOf(this.entries.get(key)?.tokens, estimated, used, now);
  }

  /** Whether the control plane has answered lately, so that it is worth waiting for. */
  inContact(nowMonoMs: number): boolean {
    return nowMonoMs - this.#answeredMonoMs <= CONTACT_MS;
  }

  /** Whether a report is worth its place in a heartbeat. */
  hasNews(nowMonoMs: number): boolean {
    if (this.#generation === undefined || this.#floorBefore !== undefined) return true;
    return this.entries.size + this.#gone.size > 0 || nowMonoMs - this.#reportedMonoMs >= QUIET_MS;
  }

  /** To be sent now. */
  report(now: Instant): RateReports {
    const gone = [...this.#gone].slice(0, KEYS_MAX);
    const keys: KeyReport[] = gone.map((key) => ({ key, gone: true }));
    for (const entry of this.#reported()) {
      const { report, lively } = reportOf(entry, now);
      keys.push(report);
      // Who is not asked for any more says so once; then it has nothing to say.
      this.#lively.delete(entry.key);
      entry.lively = lively;
      if (lively) this.#lively.add(entry.key);
    }
    const said = new Set(keys.map(({ key }) => key));
    let whole = true;
    let over = false;
    for (const entry of this.#floorBefore !== undefined || this.#anyOld ? this.entries.values() : []) {
      if (entry.old && !said.has(entry.key)) whole = false;
      over ||= isOver(entry);
    }
    if (!over) this.#floorBefore = undefined;
    const n = ++this.#n;
    this.#reportedMonoMs = now.monoMs;
    this.#sent.set(n, { at: now, gone });
    for (const oldest of this.#sent.keys()) if (oldest <= n - SENT_MAX) this.#sent.delete(oldest);
    return { n, generation: this.#generation, floor: this.#floorBefore ?? this.floor, whole, keys };
  }

  /** Those with shares that the book has lost first, then whoever was reported longest ago. */
  #reported(): Entry[] {
    const chosen: Entry[] = [];
    if (this.#anyOld) {
      for (const entry of this.entries.values())
        if (entry.old && chosen.length < KEYS_MAX) chosen.push(entry);
      this.#anyOld = chosen.length > 0;
    }
    for (const key of this.#lively) {
      if (chosen.length >= KEYS_MAX) break;
      const entry = this.entries.get(key);
      if (entry === undefined) this.#lively.delete(key);
      else if (!entry.old) chosen.push(entry);
    }
    return chosen;
  }

  /** Uses what an answer brings; what it brings for a key that was forgotten since is given back. */
  takeIn(answer: RateAnswer, now: Instant): void {
    this.#answeredMonoMs = Math.max(this.#answeredMonoMs, now.monoMs);
    const sent = this.#sent.get(answer.n);
    if (sent === undefined || (this.#generation && isLater(this.#generation, answer.generation))) return;
    if (isLater(answer.generation, this.#generation)) return this.#begin(answer.generation);
    for (const key of sent.gone) this.#gone.delete(key);
    let shrunk = false;
    for (const dealt of answer.keys) {
      const entry = this.entries.get(dealt.key);
      if (entry === undefined || entry.sinceMonoMs > sent.at.monoMs) {
        if (entry === undefined && this.#gone.size < GONE_MAX) this.#gone.add(dealt.key);
        continue;
      }
      entry.old = false;
      shrunk = takeUpShares(entry, dealt, sent.at, now) || shrunk;
    }
    this.#useFloor(answer.floor, now);
    if (shrunk) this.#need(true);
  }

  /** The control plane has begun another book: it is told all that is held, and until then deals nothing. */
  #begin(generation: Generation): void {
    this.#generation = generation;
    for (const entry of this.entries.values()) entry.old = true;
    this.#anyOld = true;
    this.#need(true);
  }

  #useFloor(floor: FloorPart, now: Instant): void {
    if (floor.id <= this.floor.id) return;
    const before = this.floor;
    this.floor = floor;
    if (floor.part === this.#own.part && this.#own.equal === 0) return;
    this.#put({ part: floor.part, equal: 0 }, now);
    if (floor.part > before.part) return;
    this.#floorBefore ??= before;
    this.#need(true);
  }

  /** The control plane deals nothing: each of so many uses an equal part. Once it has dealt, it goes on dealing. */
  divide(equal: number, now: Instant): void {
    this.#answeredMonoMs = Math.max(this.#answeredMonoMs, now.monoMs);
    if (this.#generation !== undefined || this.#own.equal === equal) return;
    this.#put({ part: 0, equal }, now);
  }

  #put(own: Own, now: Instant): void {
    this.#own = own;
    for (const entry of this.entries.values()) putOwn(entry, own, now);
  }

  /** Whether it is worth waiting for a first share. */
  isDealt(): boolean {
    return this.#own.equal === 0;
  }

  /** To be called about once a second: forgets some of what is not asked for any more. */
  sweep(now: Instant, idleMs = IDLE_MS): void {
    const giveBack = this.inContact(now.monoMs);
    this.#sweeping ??= this.entries.values();
    for (let n = 0; n < SWEPT_MAX; n++) {
      const next = this.#sweeping.next();
      if (next.done === true) {
        this.#sweeping = undefined;
        return;
      }
      const entry = next.value;
      if (now.monoMs - entry.usedMonoMs < idleMs || !isSpare(entry, this.#own, now, giveBack)) continue;
      this.entries.delete(entry.key);
      this.#lively.delete(entry.key);
      if (this.#gone.size < GONE_MAX) this.#gone.add(entry.key);
    }
  }

  #refused(by: "requests" | "tokens", waitMs: number): number {
    this.refusedBy = by;
    this.#need(false);
    return waitMs;
  }
}

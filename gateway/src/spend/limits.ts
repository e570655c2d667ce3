/**
 * The limits of keys on this replica: requests and tokens per minute, and requests at the same time, by the rules of
 * `shared/rate`. The bargain: a request decides in the turn in which it asks, without the control plane; only for a key's
 * first share does it wait, and not for long. A key without limits costs nothing.
 */
import { type Asked, isLimited, type Line, lacks } from "@claviger/shared/rate/entry";
import { Holder } from "@claviger/shared/rate/holder";
import type { Instant } from "@claviger/shared/sync/freshness";
import type { RateAnswer, RateReports } from "@claviger/shared/wire/rate";
import type { Clock } from "../ports.ts";
import type { LimitBook, Limited, LimitKind, RateDecision } from "../rooms.ts";

const NO_HEADERS: readonly string[] = [];
/** A request waits no longer for the first share of its key, in milliseconds. */
const FIRST_SHARE_MS = 500;
/** Reports that somebody waits for, and others, are this far apart at least. */
const URGENT_EVERY_MS = 50;
const PRESSED_EVERY_MS = 1_000;
/** Shares move: what has none now may have one then. */
const NO_SHARE_RETRY_MS = 1_000;

/** The limits with their side towards the control plane. */
export interface Limits extends LimitBook {
  /** This replica's part of a heartbeat that is sent now; undefined: it has nothing to say. */
  report(): RateReports | undefined;
  /** What the answer brings; nothing: the control plane deals no shares, and each of `replicas` has an equal one. */
  take(answer: RateAnswer | undefined, replicas: number): void;
  /** To be called about once a second. */
  tick(): void;
}

export interface LimitsPorts {
  readonly clock: Clock;
  /** How many replicas share the limits of tokens, and those of keys where nobody deals. */
  readonly replicas: () => number;
  /** Asks for a heartbeat soon. Absent: nobody deals. */
  readonly speak?: (() => void) | undefined;
  /** Of all floors, as the process before had it. */
  readonly floorPart?: number | undefined;
  /** It is another one now, which should outlive the process. */
  readonly keepFloorPart?: ((part: number) => void) | undefined;
}

export function createLimits(ports: LimitsPorts): Limits {
  return new DealtLimits(ports);
}

class DealtLimits implements Limits {
  readonly #ports: LimitsPorts;
  readonly #keys: Holder;
  /** Tokens of keys have limits of their own, which nobody deals. */
  readonly #tokens: Holder;
  /** By key, who waits for its first share. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #spokenMs = Number.NEGATIVE_INFINITY;
  #speaking: ReturnType<typeof setTimeout> | undefined;
  #speakingAtMs = Number.POSITIVE_INFINITY;

  constructor(ports: LimitsPorts) {
    this.#ports = ports;
    const nowMs = ports.clock.monoMs();
    const need = (urgent: boolean) => this.#speak(urgent ? URGENT_EVERY_MS : PRESSED_EVERY_MS);
    const equal = ports.speak === undefined ? ports.replicas() : 0;
    this.#keys = new Holder(nowMs, need, ports.floorPart, equal);
    this.#tokens = new Holder(nowMs, () => undefined, 0, ports.replicas());
  }

  ready(who: Limited): Promise<void> | undefined {
    if (!isLimited(who)) return undefined;
    const { keyId } = who;
    const known = this.#keys.entries.get(keyId);
    if (known !== undefined && !lacks(known)) return undefined;
    const nowMs = this.#ports.clock.monoMs();
    const entry = this.#keys.open(who, nowMs);
    const leftMs = entry.sinceMonoMs + FIRST_SHARE_MS - nowMs;
    if (leftMs <= 0 || !lacks(entry) || !this.#keys.isDealt() || !this.#keys.inContact(nowMs))
      return undefined;
    return this.#wait(keyId, leftMs);
  }

  enter(who: Limited): boolean {
    const { clock } = this.#ports;
    const monoMs = clock.monoMs();
    const wallMs = clock.wallMs();
    if (!this.#keys.enter(who, monoMs, wallMs)) return false;
    // Refuses none, for it has no limit of requests at the same time.
    if (who.token !== undefined) this.#tokens.enter(askedOf(who.token), monoMs, wallMs);
    return true;
  }

  leave(who: Limited): void {
    const { token } = who;
    if (isLimited(who)) this.#keys.leave(who.keyId);
    if (token !== undefined && isLimited(askedOf(token))) this.#tokens.leave(token.id);
  }

  takeRate(who: Limited, estimatedTokens: number): RateDecision {
    const taken = this.#take(this.#keys, who, estimatedTokens);
    if (!taken.ok || who.token === undefined) return taken;
    const narrower = this.#take(this.#tokens, askedOf(who.token), estimatedTokens);
    if (!narrower.ok) this.#keys.giveBack(who.keyId, estimatedTokens);
    return narrower;
  }

  headersOf(who: Limited): readonly string[] {
    const { clock } = this.#ports;
    const entry = this.#keys.entries.get(who.keyId);
    return entry === undefined ? NO_HEADERS : headersOf(entry.requests, entry.tokens, clock.monoMs());
  }

  giveBack(who: Limited, estimatedTokens: number): void {
    this.#keys.giveBack(who.keyId, estimatedTokens);
    if (who.token !== undefined) this.#tokens.giveBack(who.token.id, estimatedTokens);
  }

  correct({ keyId, token }: Limited, estimatedTokens: number, usedTokens: number): void {
    const now = this.#now();
    this.#keys.correct(keyId, estimatedTokens, usedTokens, now);
    if (token !== undefined) this.#tokens.correct(token.id, estimatedTokens, usedTokens, now);
  }

  report(): RateReports | undefined {
    this.#spokenMs = this.#ports.clock.monoMs();
    if (!this.#keys.hasNews(this.#spokenMs)) return undefined;
    const report = this.#keys.report(this.#now());
    return { ...report, keys: [...report.keys] };
  }

  take(answer: RateAnswer | undefined, replicas: number): void {
    const now = this.#now();
    this.#tokens.divide(replicas, now);
    if (answer === undefined) {
      this.#keys.divide(replicas, now);
      // The answer to a heartbeat from before somebody asked says nothing of shares, and theirs are still to come.
      if (!this.#keys.isDealt()) for (const key of this.#waiting.keys()) this.#wake(key);
      return;
    }
    const { part } = this.#keys.floor;
    this.#keys.takeIn(answer, now);
    if (this.#keys.floor.part !== part) this.#ports.keepFloorPart?.(this.#keys.floor.part);
    if (this.#waiting.size === 0) return;
    for (const { key } of answer.keys) {
      const entry = this.#keys.entries.get(key);
      if (entry === undefined || !lacks(entry)) this.#wake(key);
    }
  }

  tick(): void {
    const now = this.#now();
    this.#keys.sweep(now);
    this.#tokens.sweep(now);
  }

  #take(holder: Holder, asked: Asked, estimate: number): RateDecision {
    if (asked.requestsPerMinute === null && asked.tokensPerMinute === null) {
      return { ok: true, headers: NO_HEADERS };
    }
    const { clock } = this.#ports;
    const monoMs = clock.monoMs();
    const waitMs = holder.take(asked, estimate, monoMs, clock.wallMs());
    const entry = holder.entries.get(asked.keyId);
    const headers = headersOf(entry?.requests, entry?.tokens, monoMs);
    if (waitMs === 0) return { ok: true, headers };
    const limit = holder.refusedBy;
    const line = limit === "requests" ? entry?.requests : entry?.tokens;
    const hopeless = line === undefined || line.perMinute <= 0 || line.bucket.burst >= 1;
    return { ok: false, limit, retryAfterMs: hopeless ? waitMs : NO_SHARE_RETRY_MS, headers };
  }

  /** Resolves when the key has a share of each of its limits, and after this time in any case. */
  #wait(key: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key);
      if (waiting !== undefined) {
        waiting.push(resolve);
        return;
      }
      this.#waiting.set(key, [resolve]);
      // One timer for all who wait for a key: the time is the key's.
      setTimeout(() => this.#wake(key), ms);
    });
  }

  #wake(key: string): void {
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const resolve of waiting) resolve();
  }

  /** Not sooner than this after the last report; who wants it sooner has it sooner. */
  #speak(afterMs: number): void {
    const { speak, clock } = this.#ports;
    if (speak === undefined) return;
    const nowMs = clock.monoMs();
    const atMs = Math.max(nowMs, this.#spokenMs + afterMs);
    if (atMs >= this.#speakingAtMs) return;
    clearTimeout(this.#speaking);
    this.#speakingAtMs = atMs;
    this.#speaking = setTimeout(() => {
      this.#speakingAtMs = Number.POSITIVE_INFINITY;
      speak();
    }, atMs - nowMs);
  }

  #now(): Instant {
    const { clock } = this.#ports;
    return { monoMs: clock.monoMs(), wallMs: clock.wallMs() };
  }
}

function askedOf({ id, requestsPerMinute, tokensPerMinute }: NonNullable<Limited["token"]>): Asked {
  return { keyId: id, requestsPerMinute, tokensPerMinute, maxConcurrency: null };
}

/** The headers that OpenAI's clients know: the limit, what is left here, and when the bucket is full again. */
function headersOf(
  requests: Line | undefined,
  tokens: Line | undefined,
  nowMonoMs: number,
): readonly string[] {
  const headers: string[] = [];
  if (requests !== undefined) describe(headers, "requests", requests, nowMonoMs);
  if (tokens !== undefined) describe(headers, "tokens", tokens, nowMonoMs);
  return headers;
}

function describe(headers: string[], kind: LimitKind, { perMinute, bucket }: Line, nowMonoMs: number): void {
  const { rate, burst, atMs, tokens } = bucket;
  const level = Math.min(burst, tokens + Math.max(0, nowMonoMs - atMs) * rate);
  const resetMs = rate > 0 ? Math.max(0, burst - level) / rate : 60_000;
  headers.push(`x-ratelimit-limit-${kind}`, String(perMinute));
  headers.push(`x-ratelimit-remaining-${kind}`, String(Math.max(0, Math.floor(level))));
  headers.push(`x-ratelimit-reset-${kind}`, `${Math.round(resetMs) / 1000}s`);
}

/**
 * When a heartbeat goes out: every ten seconds or so, at once when there is something new to say, and after a failure
 * later and later. The first thing to say is said immediately, so that a barrier takes milliseconds; what follows
 * within 20 ms is said together, and while a fetch brings change after change, within a second: each answer would repeat
 * what is being fetched, and a barrier that waits for one of them is at most that second late. What nobody asked for waits
 * for the next try after a failure.
 */

const PERIOD_MS = 10_000;
const JITTER = 0.2;
const COALESCE_MS = 20;
const FETCHING_COALESCE_MS = 1_000;
const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 10_000;
/** Heartbeats under way at once; a control plane that hangs is not asked more often. */
const UNDER_WAY_MAX = 4;
const EXTRA_EVERY_MS = 1_000;

export interface Beats {
  start(): void;
  /** Somebody asked. */
  soon(): void;
  /** There is something new to say: as soon as somebody asked, within a second while it is held back, or with the next try. */
  news(): void;
  /** While it is true news are held back; what has gathered is said when it ends. */
  hold(held: boolean): void;
  /** For a waiting request: one extra heartbeat per second, shared by all. Does nothing when there was one. */
  extra(): void;
  /** As the control plane asked for in its last answer. */
  setPeriod(ms: number): void;
  stop(): void;
}

/** `send` resolves to whether it was answered; `random` is uniform in [0, 1). */
export function createBeats(
  send: () => Promise<boolean>,
  monoMs: () => number,
  random: () => number = Math.random,
): Beats {
  return new Heart(send, monoMs, random);
}

class Heart implements Beats {
  readonly #send: () => Promise<boolean>;
  readonly #monoMs: () => number;
  readonly #random: () => number;
  #periodMs = PERIOD_MS;
  #failures = 0;
  /** The next try after a failure; nothing that is only news goes before. */
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #underWay = 0;
  /** Something was to be said while too many were under way. */
  #wanted = false;
  #stopped = true;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #lastExtraMs = Number.NEGATIVE_INFINITY;
  #next: ReturnType<typeof setTimeout> | undefined;
  #coalescing: ReturnType<typeof setTimeout> | undefined;
  /** When it ends. */
  #coalescedAtMs = 0;
  #held = false;

  constructor(send: () => Promise<boolean>, monoMs: () => number, random: () => number) {
    this.#send = send;
    this.#monoMs = monoMs;
    this.#random = random;
  }

  start(): void {
    this.#stopped = false;
    this.#now();
  }

  soon(): void {
    this.#at(this.#lastSentMs + COALESCE_MS);
  }

  news(): void {
    this.#at(Math.max(this.#lastSentMs + (this.#held ? FETCHING_COALESCE_MS : COALESCE_MS), this.#retryAtMs));
  }

  hold(held: boolean): void {
    this.#held = held;
    if (!held && this.#coalescing !== undefined) this.news();
  }

  extra(): void {
    if (this.#monoMs() - this.#lastExtraMs < EXTRA_EVERY_MS) return;
    this.#lastExtraMs = this.#monoMs();
    this.soon();
  }

  setPeriod(ms: number): void {
    this.#periodMs = ms;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#next);
    clearTimeout(this.#coalescing);
  }

  /** Not sooner than this; who wants it sooner has it sooner. */
  #at(atMs: number): void {
    if (this.#stopped || (this.#coalescing !== undefined && this.#coalescedAtMs <= atMs)) return;
    clearTimeout(this.#coalescing);
    const leftMs = atMs - this.#monoMs();
    if (leftMs <= 0) return this.#now();
    this.#coalescedAtMs = atMs;
    this.#coalescing = setTimeout(() => this.#now(), leftMs);
  }

  #now(): void {
    clearTimeout(this.#coalescing);
    this.#coalescing = undefined;
    if (this.#stopped) return;
    if (this.#underWay >= UNDER_WAY_MAX) {
      this.#wanted = true;
      return;
    }
    this.#wanted = false;
    this.#underWay += 1;
    this.#lastSentMs = this.#monoMs();
    this.#schedule();
    void this.#send().then((answered) => this.#ended(answered));
  }

  #ended(answered: boolean): void {
    this.#underWay -= 1;
    this.#failures = answered ? 0 : this.#failures + 1;
    this.#retryAtMs = answered ? Number.NEGATIVE_INFINITY : this.#monoMs() + this.#retryMs();
    if (this.#wanted && answered) return this.#now();
    this.#schedule();
    // News that waited for the next try.
    if (answered && this.#coalescing !== undefined) this.news();
  }

  /** Spread widely: a fleet that lost its control plane does not come back in one wave. */
  #retryMs(): number {
    const backoff = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(this.#failures, 10));
    return backoff * (0.1 + 0.9 * this.#random());
  }

  #schedule(): void {
    clearTimeout(this.#next);
    if (this.#stopped) return;
    // One that is still under way is not asked again for its slowness: that would make it slower.
    const failing = this.#failures > 0 && this.#underWay === 0;
    const usual = this.#periodMs * (1 - JITTER + 2 * JITTER * this.#random());
    const retry = this.#retryAtMs - this.#monoMs();
    this.#next = setTimeout(() => this.#now(), failing ? Math.min(usual, retry) : usual);
  }
}

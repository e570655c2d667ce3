/**
 * When a heartbeat goes out: every ten seconds or so, at once when there is something new to say, and after a failure
 * later and later. The first thing to say is said immediately, so that a barrier takes milliseconds; what follows
 * within 20 ms is said together.
 */

const PERIOD_MS = 10_000;
const JITTER = 0.2;
const COALESCE_MS = 20;
const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 10_000;
/** Heartbeats under way at once; a control plane that hangs is not asked more often. */
const UNDER_WAY_MAX = 4;
const EXTRA_EVERY_MS = 1_000;

export interface Beats {
  start(): void;
  /** There is something new to say, or somebody asked. */
  soon(): void;
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
  let periodMs = PERIOD_MS;
  let failures = 0;
  let underWay = 0;
  let wanted = false;
  let stopped = true;
  let lastSentMs = Number.NEGATIVE_INFINITY;
  let lastExtraMs = Number.NEGATIVE_INFINITY;
  let next: ReturnType<typeof setTimeout> | undefined;
  let coalescing: ReturnType<typeof setTimeout> | undefined;

  const schedule = () => {
    clearTimeout(next);
    if (stopped) return;
    const usual = periodMs * (1 - JITTER + 2 * JITTER * random());
    // Full jitter: a fleet that lost its control plane does not come back in one wave.
    const backoff =
      Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(failures, 10)) * (0.1 + 0.9 * random());
    next = setTimeout(now, failures > 0 ? Math.min(usual, backoff) : usual);
  };
  const now = () => {
    clearTimeout(coalescing);
    coalescing = undefined;
    if (stopped) return;
    if (underWay >= UNDER_WAY_MAX) {
      wanted = true;
      return;
    }
    wanted = false;
    underWay += 1;
    lastSentMs = monoMs();
    schedule();
    void send().then((answered) => {
      underWay -= 1;
      failures = answered ? 0 : failures + 1;
      if (wanted && answered) now();
      else schedule();
    });
  };
  const soon = () => {
    if (stopped || coalescing !== undefined) return;
    const sinceMs = monoMs() - lastSentMs;
    if (sinceMs >= COALESCE_MS) now();
    else coalescing = setTimeout(now, COALESCE_MS - sinceMs);
  };
  return {
    start() {
      stopped = false;
      now();
    },
    soon,
    extra() {
      if (monoMs() - lastExtraMs < EXTRA_EVERY_MS) return;
      lastExtraMs = monoMs();
      soon();
    },
    setPeriod(ms) {
      periodMs = ms;
    },
    stop() {
      stopped = true;
      clearTimeout(next);
      clearTimeout(coalescing);
    },
  };
}

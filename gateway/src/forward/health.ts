/**
 * Which LLM keys are to be asked first. One that fails again and again rests, so that requests do not pay for finding out
 * what others have found out already; one whose provider says when to come back rests until then. Resting is advice: whoever
 * has nobody else asks it all the same. What is known is hung on the record, so an LLM key that was changed starts anew.
 */
import type { Route } from "@claviger/shared/decide/model";
import type { ProviderRecord } from "@claviger/shared/wire/record";

/** So many failures in a row, and it rests; */
const FAILURES_MAX = 3;
/** for so long at first, and twice as long each time that it fails again. */
const REST_MS = { min: 5_000, max: 60_000 };
/** Longer than this no provider's `retry-after` is obeyed. */
const RETRY_AFTER_MS_MAX = 300_000;
/** After a rest one request finds out; for so long the others stay away. */
const PROBE_MS = 10_000;

/** A rejected credential does not mend by itself: it rests at once. */
export type Ailment = "failing" | "rejected";

interface Condition {
  failures: number;
  /** On the monotonic clock. */
  restUntilMs: number;
}

export class Health {
  readonly #conditions = new WeakMap<ProviderRecord, Condition>();
  /** How often the LLM keys that follow this one were asked; the first of them stands for all. */
  readonly #turns = new WeakMap<ProviderRecord, { n: number }>();

  /**
   * The same routes in the order in which they are to be tried: equals (one provider, one model, one target of an alias)
   * take turns, then whoever rests comes last, soonest awake first.
   */
  order(routes: readonly Route[], nowMs: number): readonly Route[] {
    const awake: Route[] = [];
    const resting: Route[] = [];
    for (let from = 0; from < routes.length; ) {
      const to = endOfEquals(routes, from);
      const turn = to - from === 1 ? 0 : this.#turn(routes[from] as Route) % (to - from);
      for (let n = from; n < to; n++) {
        const route = routes[from + ((n - from + turn) % (to - from))] as Route;
        (this.restsUntilMs(route.provider) > nowMs ? resting : awake).push(route);
      }
      from = to;
    }
    resting.sort((a, b) => this.restsUntilMs(a.provider) - this.restsUntilMs(b.provider));
    return [...awake, ...resting];
  }

  /** -Infinity for one that does not rest. */
  restsUntilMs(provider: ProviderRecord): number {
    return this.#conditions.get(provider)?.restUntilMs ?? Number.NEGATIVE_INFINITY;
  }

  /** An attempt begins: after a rest, the others wait for what becomes of it. */
  asked(provider: ProviderRecord, nowMs: number): void {
    const condition = this.#conditions.get(provider);
    if (condition === undefined || condition.failures < FAILURES_MAX) return;
    condition.restUntilMs = Math.max(condition.restUntilMs, nowMs + PROBE_MS);
  }

  worked(provider: ProviderRecord): void {
    this.#conditions.delete(provider);
  }

  failed(provider: ProviderRecord, nowMs: number, ailment: Ailment, retryAfterMs = 0): void {
    let condition = this.#conditions.get(provider);
    if (condition === undefined) {
      condition = { failures: 0, restUntilMs: Number.NEGATIVE_INFINITY };
      this.#conditions.set(provider, condition);
    }
    condition.failures++;
    if (ailment === "rejected") condition.failures = Math.max(condition.failures, FAILURES_MAX);
    const again = condition.failures - FAILURES_MAX;
    const restMs = again < 0 ? 0 : Math.min(REST_MS.min * 2 ** again, REST_MS.max);
    const wantedMs = Math.max(restMs, Math.min(retryAfterMs, RETRY_AFTER_MS_MAX));
    if (wantedMs > 0) condition.restUntilMs = nowMs + wantedMs;
  }

  #turn({ provider }: Route): number {
    let turn = this.#turns.get(provider);
    if (turn === undefined) {
      turn = { n: 0 };
      this.#turns.set(provider, turn);
    }
    return turn.n++;
  }
}

function endOfEquals(routes: readonly Route[], from: number): number {
  const first = routes[from] as Route;
  let to = from + 1;
  for (let next = routes[to]; next !== undefined; next = routes[++to]) {
    if (next.provider.provider !== first.provider.provider || next.model !== first.model) break;
    if (next.target !== first.target) break;
  }
  return to;
}

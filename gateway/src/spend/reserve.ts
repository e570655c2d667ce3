/**
 * The one place where a `Reservation` is made (PROTOCOL §2.8). Each attempt has its own, in every budget on its path or in
 * none; an attempt that no budget bounds has one that holds nothing, and only knows its price.
 */
import type { Principal } from "@claviger/shared/decide/admit";
import { budgetsOf } from "@claviger/shared/decide/budgets";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { TableView } from "@claviger/shared/decide/view";
import { costOf, type PinnedPrice } from "@claviger/shared/money/cost";
import { attemptIdOf } from "../attempt-id.ts";
import type { OpenRecord, Spent } from "../ports.ts";
import type { AskedWords, AttemptEnd, OutputBound, Reservation, Reserve } from "../rooms.ts";
import { type Bounded, boundFor } from "./bound.ts";
import { actualOf } from "./cost.ts";
import type { Escrow, Held } from "./escrow.ts";

/** So long a first request waits for the figures of its budgets, which an absent output limit depends on. */
const FIGURES_WAIT_MS = 300;

/** What a reservation is in the journal about, so that a crash can be settled as one. */
export interface AboutAttempt {
  readonly record: OpenRecord;
  readonly priceRev: number;
}

/** So long a request waits for headroom (PROTOCOL §2.8), all its attempts together, and each of them at least a little. */
const HEADROOM_WAIT_MS = 1_000;
const ATTEMPT_WAIT_MS = 250;

export interface ReserveDeps {
  readonly view: TableView;
  readonly escrow: Escrow;
  readonly monoMs: () => number;
}

export function createReserve(deps: ReserveDeps): Reserve {
  /** When the wait of a request is over, by what all its attempts share. */
  const waitsUntilMs = new WeakMap<AskedWords, number>();
  const waitOf = (words: AskedWords): number => {
    const nowMs = deps.monoMs();
    const untilMs = waitsUntilMs.get(words) ?? nowMs + HEADROOM_WAIT_MS;
    waitsUntilMs.set(words, untilMs);
    return Math.max(ATTEMPT_WAIT_MS, untilMs - nowMs);
  };
  return (record, principal, words) => {
    const budgets = budgetsOf(deps.view, principal.key);
    if (budgets.length > 0)
      return reserveIn(deps, budgets, record, principal, words.bytes, () => waitOf(words));
    const price = deps.view.priceOf(record.provider, record.model)?.price;
    return proof(price === undefined ? NOTHING : pricedOnly(price));
  };
}

async function reserveIn(
  { view, escrow }: ReserveDeps,
  budgets: readonly string[],
  record: Readonly<OpenRecord>,
  { key }: Principal,
  bytes: Uint8Array,
  waitMs: () => number,
): Promise<Reservation | Refusal> {
  const { surface, provider } = record;
  const model = view.priceOf(provider, record.model);
  const defaultOutputTokens = view.policy()?.defaultMaxOutputTokens ?? null;
  const bound = boundFor({ surface, bytes, provider, model, defaultOutputTokens });
  if ("code" in bound) return bound;
  const left = () => escrow.figures.leftOf(budgets);
  const hold = (bounded: Bounded) => {
    const about: AboutAttempt = { record, priceRev: bounded.price.rev };
    return escrow.hold({ id: attemptIdOf(record), budgets, nanos: bounded.nanos, about }, waitMs());
  };
  let bounded = bound(left());
  if ("code" in bounded) return bounded;
  escrow.wanted(budgets, bounded.nanos, key.maxStalenessSeconds * 1000);
  if (bounded.inject !== null && left() === null) {
    await escrow.learn(budgets, FIGURES_WAIT_MS);
    bounded = bound(left());
    if ("code" in bounded) return bounded;
  }
  let held = await hold(bounded);
  if (isQuota(held)) {
    // Where the output limit is ours to choose, a smaller one may fit into what is left.
    const smaller = bound(left());
    if (!("code" in smaller) && smaller.nanos < bounded.nanos) {
      bounded = smaller;
      held = await hold(bounded);
    }
  }
  return held === "held" ? proof(new Hold(escrow, attemptIdOf(record), budgets, bounded)) : refuse(held);
}

/** What makes a proof of it is that it comes from here. */
function proof(made: Proven): Reservation {
  return made as unknown as Reservation;
}

function isQuota(held: Held): boolean {
  return held === "budget_exceeded" || held === "request_exceeds_budget";
}

type Proven = Pick<Reservation, "budgets" | "journaled" | "output" | "settle" | "release">;

class Hold implements Proven {
  readonly budgets: readonly string[];
  readonly journaled = true;
  readonly output: OutputBound;
  readonly #escrow: Escrow;
  readonly #id: string;
  readonly #bounded: Bounded;
  #isOver = false;

  constructor(escrow: Escrow, id: string, budgets: readonly string[], bounded: Bounded) {
    this.#escrow = escrow;
    this.#id = id;
    this.#bounded = bounded;
    this.budgets = budgets;
    this.output = { inject: bounded.inject, tokensMax: bounded.outputTokensInAll };
  }

  settle(ended: AttemptEnd): Spent {
    this.#end();
    const { nanos, price } = this.#bounded;
    const actual = actualOf(ended, price);
    const spent = this.#escrow.settle(this.#id, actual);
    const said = { ...spent, cost: String(actual ?? nanos), priceRev: price.rev };
    return actual === null ? { ...said, basis: "bounded" } : said;
  }

  release(): void {
    this.#end();
    this.#escrow.release(this.#id);
  }

  #end(): void {
    if (this.#isOver) throw new Error(`${this.#id} is over already`);
    this.#isOver = true;
  }
}

const NOTHING: Proven = {
  budgets: [],
  journaled: false,
  output: undefined,
  settle: () => undefined,
  release: () => undefined,
};

/** Nothing is held; what it costs is told at the price that was known when it began. */
function pricedOnly({ rev, price }: PinnedPrice): Proven {
  return {
    ...NOTHING,
    settle({ tokens }: AttemptEnd) {
      const cost = costOf(tokens, price);
      return cost === null ? undefined : { cost: String(cost), priceRev: rev };
    },
  };
}

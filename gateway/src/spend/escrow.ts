/**
 * Drives escrow at a replica (`@claviger/shared/escrow/replica`): its journal, its questions for money, its timers. The
 * bargain: `hold` resolves to `held` only when the reservation is on disk, and each one that is held is settled or
 * released by its owner, once.
 */
import type { JournalRecord } from "@claviger/shared/escrow/held";
import { compacted } from "@claviger/shared/escrow/recover";
import { step } from "@claviger/shared/escrow/replica";
import type { EscrowEffect, EscrowEvent, EscrowState, Refused } from "@claviger/shared/escrow/replica-state";
import type { Ask as CoreAsk } from "@claviger/shared/escrow/slice";
import type { Wanted } from "@claviger/shared/escrow/waiters";
import { type Ask, AskAnswer, type Charge, type EscrowAnswer } from "@claviger/shared/wire/escrow";
import type { Verify } from "@claviger/shared/wire/sign";
import type { Clock, Courier, Log, Spent } from "../ports.ts";
import type { EscrowJournal } from "../rooms.ts";
import { Spendings } from "./demand.ts";
import { Figures } from "./figures.ts";
import { type EscrowVitals, Reports } from "./report.ts";
import { verifiedSlice } from "./verified-slice.ts";
import { Waits } from "./waits.ts";

const ASK_AGAIN_MS = 300;
const ASK_LATER_MS = 150;
/** The same question, as often as that within this time while it is not answered. */
const UNDER_WAY_MAX = 2;
const UNDER_WAY_MS = 2_000;
/** A budget in which nothing could be had ahead of need is asked again after so long. */
const STOCK_PAUSE_MS = 10_000;
const TICK_MS = 1_000;

export interface EscrowDeps {
  readonly org: string;
  /** As it was recovered; belongs to the escrow from now on. */
  readonly state: EscrowState;
  readonly journal: EscrowJournal;
  readonly courier: Pick<Courier, "ask">;
  readonly verify: Verify;
  /** `wallMs` is the control plane's time, as it is corrected here. */
  readonly clock: Clock;
  /** A heartbeat is wanted soon. */
  readonly speak: () => void;
  readonly log: Log;
}

export type Charged = Pick<Spent, "charges" | "overrun">;
export type Held = "held" | Refused | "journal_unavailable";

export class Escrow {
  readonly figures = new Figures();
  readonly #deps: EscrowDeps;
  readonly #state: EscrowState;
  readonly #spendings: Spendings;
  readonly #reports = new Reports();
  readonly #waits: Waits;
  readonly #stockedMs = new Map<string, number>();
  /** One for each budget that is asked for: when it is asked for again. */
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** Questions that are under way, by their name: a control plane that is slow is not asked the more for it. */
  readonly #asking = new Map<string, number[]>();
  readonly #ticking: ReturnType<typeof setInterval>;
  #show: ReadonlySet<string> = new Set();
  /** Answers are taken one after the other, as they came. */
  #answers: Promise<void> = Promise.resolve();

  constructor(deps: EscrowDeps) {
    this.#deps = deps;
    this.#state = deps.state;
    this.#spendings = new Spendings(() => deps.clock.monoMs());
    this.#waits = new Waits((id) => this.#waitedLong(id));
    deps.journal.attach({
      persisted: (n) => this.#step({ type: "persisted", n }),
      compacted: () => compacted(this.#state.held),
    });
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Open reservations, and what they hold: for tests and figures. */
  get open(): number {
    return this.#state.held.reservations.size;
  }

  /** Requests that have no money yet. */
  get waiting(): number {
    return this.#state.waiting.size;
  }

  /** These budgets are spent from, by a key that may be without the control plane for so long. */
  wanted(budgets: readonly string[], nanos: bigint, aloneMs: number): void {
    for (const budget of budgets) this.#spendings.wanted(budget, nanos, aloneMs);
  }

  /** Asks for figures that were never told, and waits for them for a moment. */
  async learn(budgets: readonly string[], waitMs: number): Promise<void> {
    this.#deps.speak();
    await this.figures.untilTold(budgets, waitMs);
  }

  /** Sets it aside in every one of its budgets, or says why not; waits so long for headroom, and then for the disk. */
  hold(wanted: Wanted, waitMs: number): Promise<Held> {
    if (this.#deps.journal.isFull()) return Promise.resolve("journal_unavailable");
    const held = this.#waits.begin(wanted.id, waitMs);
    this.#step({ type: "reserve", wanted, wallMs: this.#wallMs() });
    return held;
  }

  /** What the usage event of this attempt says of its charges. The event has to be written down in this turn. */
  settle(id: string, actual: bigint | null): Charged {
    const seq = this.#deps.journal.nextSeq();
    const spent: { charges: Charge[]; overrun: string } = { charges: [], overrun: "0" };
    this.#step({ type: "settle", id, seq, actual, wallMs: this.#wallMs() }, (record) => {
      if (record.kind !== "settle" || record.id !== id) return;
      spent.overrun = String(record.overrun);
      for (const { slice, n } of record.charges) {
        const { budget = "", startMs = 0 } = this.#state.held.slices.get(slice)?.slice ?? {};
        spent.charges.push({ slice, n: String(n), budget, startMs });
        this.#spendings.spent(budget, n);
      }
    });
    return spent;
  }

  /** Nothing was sent: all of it is free again, and no usage event is left. */
  release(id: string): void {
    this.#step({ type: "settle", id, seq: 0, actual: 0n, wallMs: this.#wallMs() });
  }

  /** A heartbeat's part. */
  vitals(): EscrowVitals {
    const { demand, lastSeq } = { demand: this.#spendings.lines(), lastSeq: this.#deps.journal.durableSeq() };
    return this.#reports.next(this.#state, this.#show, demand, lastSeq);
  }

  /** Takes what the answer to a heartbeat says of budgets. */
  take(answer: EscrowAnswer): Promise<void> {
    this.#answers = this.#answers
      .then(() => this.#take(answer))
      .catch((error: unknown) => {
        this.#deps.log.error({ err: error }, "what an answer says of budgets could not be taken");
      });
    return this.#answers;
  }

  async #take(answer: EscrowAnswer): Promise<void> {
    const { verify, org, log } = this.#deps;
    const slices = await Promise.all(answer.slices.map((jws) => verifiedSlice(verify, org, jws)));
    for (const slice of slices) {
      if (slice === undefined) log.warn({}, "a slice that is not authentic was not taken");
      else this.#step({ type: "slice", slice, wallMs: this.#wallMs() });
    }
    for (const slice of answer.recall) this.#step({ type: "recall", slice });
    for (const slice of answer.closed) this.#step({ type: "closed", slice });
    for (const { id, startMs, spent, limit } of answer.budgets) {
      this.figures.tell(id, startMs, BigInt(spent), BigInt(limit));
    }
    this.#show = new Set(answer.show);
    if (this.#show.size > 0) this.#deps.speak();
  }

  close(): void {
    clearInterval(this.#ticking);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#waits.close();
  }

  #wallMs(): number {
    return this.#deps.clock.wallMs();
  }

  /** `told` sees each record before it is written. */
  #step(event: EscrowEvent, told?: (record: JournalRecord) => void): void {
    for (const effect of step(this.#state, event)) {
      if (effect.type === "append") told?.(effect.record);
      this.#do(effect);
    }
  }

  #do(effect: EscrowEffect): void {
    const { journal, speak, log } = this.#deps;
    switch (effect.type) {
      case "append":
        if (effect.record.kind === "reserve") this.#waits.reserved(effect.record.reservation.id);
        return journal.write(effect.n, effect.record);
      case "forward":
        return this.#waits.end(effect.id, "held");
      case "ask":
        void this.#ask(effect.ask);
        return this.#askAgain(effect.ask.budget, ASK_AGAIN_MS);
      case "ask-later":
        return this.#askAgain(effect.budget, ASK_LATER_MS);
      case "refuse":
        return this.#waits.end(effect.id, effect.code);
      case "report":
        return speak();
      case "overrun": {
        const fields = { alarm: "overrun", attempt: effect.id, nanos: String(effect.nanos) };
        return log.error(fields, "a provider billed more than the request could cost");
      }
    }
  }

  /** No headroom came, or the disk did not take the reservation: then it is none. */
  #waitedLong(id: string): void {
    if (this.#state.held.reservations.has(id)) {
      this.#waits.end(id, "journal_unavailable");
      this.release(id);
    } else this.#step({ type: "gave-up", id });
  }

  #askAgain(budget: string, inMs: number): void {
    clearTimeout(this.#timers.get(budget));
    const timer = setTimeout(() => {
      this.#timers.delete(budget);
      this.#step({ type: "ask-again", budget, wallMs: this.#wallMs() });
    }, inMs);
    this.#timers.set(budget, timer);
  }

  async #ask(question: CoreAsk): Promise<void> {
    const { courier, verify, org, log } = this.#deps;
    const { req } = question;
    const nowMs = this.#deps.clock.monoMs();
    // What is not answered by then may never be.
    const underWay = (this.#asking.get(req) ?? []).filter((sinceMs) => nowMs - sinceMs < UNDER_WAY_MS);
    if (underWay.length >= UNDER_WAY_MAX) return;
    this.#asking.set(req, [...underWay, nowMs]);
    try {
      const bytes = await courier.ask(new TextEncoder().encode(JSON.stringify(wireAsk(question))));
      const answer = AskAnswer.parse(JSON.parse(new TextDecoder().decode(bytes)));
      if ("denied" in answer) return this.#denied(question, answer);
      const slice = await verifiedSlice(verify, org, answer.slice);
      if (slice === undefined) throw new Error("the slice is not authentic");
      this.#step({ type: "slice", slice, wallMs: this.#wallMs() });
    } catch (error) {
      log.debug({ err: error, budget: question.budget }, "a question for money was not answered");
    } finally {
      const left = (this.#asking.get(req) ?? []).filter((sinceMs) => sinceMs !== nowMs);
      if (left.length > 0) this.#asking.set(req, left);
      else this.#asking.delete(req);
    }
  }

  #denied(question: CoreAsk, answer: Extract<AskAnswer, { denied: string }>): void {
    const { req, budget } = question;
    const [spent, limit] = [BigInt(answer.spent), BigInt(answer.limit)];
    if (question.ahead === true) this.#stockedMs.set(budget, this.#deps.clock.monoMs());
    if (limit > 0n || answer.denied === "exhausted") this.figures.tell(budget, 0, spent, limit);
    this.#step({ type: "denied", req, code: answer.denied, spent, limit });
  }

  /** Windows end; and what is spent while nobody asks is asked for ahead of need. */
  #tick(): void {
    const wallMs = this.#wallMs();
    this.#step({ type: "tick", wallMs });
    const nowMs = this.#deps.clock.monoMs();
    for (const { budget, hold, mean } of this.#spendings.lines()) {
      if (nowMs - (this.#stockedMs.get(budget) ?? Number.NEGATIVE_INFINITY) < STOCK_PAUSE_MS) continue;
      this.#step({ type: "stock", budget, hold: BigInt(hold), mean: BigInt(mean), wallMs });
    }
  }
}

function wireAsk({ req, budget, boot, min, bound, want, ahead }: CoreAsk): Ask {
  const ask: Ask = { v: 1, req, budget, boot, min: String(min), bound: String(bound), want: String(want) };
  if (ahead === true) ask.ahead = true;
  return ask;
}

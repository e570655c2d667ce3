/** A replica that spends from budgets by the real rules over a disk in memory, and speaks of it over a fake replica's bus. */
import type { JournalRecord } from "@claviger/shared/escrow/held";
import { acknowledged, answered, numberOf, outboxAt, toOffer } from "@claviger/shared/escrow/outbox";
import { holdings } from "@claviger/shared/escrow/recover";
import { step } from "@claviger/shared/escrow/replica";
import { type EscrowEffect, type EscrowEvent, emptyEscrow } from "@claviger/shared/escrow/replica-state";
import type { Ask as CoreAsk } from "@claviger/shared/escrow/slice";
import { type Ask, AskAnswer, type Demand, type EscrowReport, Slice } from "@claviger/shared/wire/escrow";
import type { Fresh, Heartbeat } from "@claviger/shared/wire/heartbeat";
import { createVerify } from "@claviger/shared/wire/sign";
import { replicaSubjects } from "@claviger/shared/wire/subjects";
import { UsageAnswer, type UsageEvent } from "@claviger/shared/wire/usage";
import type { FakeReplica } from "./fake-replica.ts";

const ANSWER_MS = 20_000;

/** A question as it goes over the wire. */
export function wireAsk({ req, budget, boot, min, bound, want }: CoreAsk): Ask {
  return { v: 1, req, budget, boot, min: String(min), bound: String(bound), want: String(want) };
}

/** Asks once, and returns what it is answered. */
export async function ask(replica: FakeReplica, question: Ask): Promise<AskAnswer> {
  const subject = replicaSubjects.escrow(replica.id);
  const message = await replica.connection.request(subject, JSON.stringify(question), { timeout: ANSWER_MS });
  return AskAnswer.parse(message.json());
}

/** The process that speaks for a fake replica. */
export function bootOfFake(replica: FakeReplica): string {
  return (JSON.parse(replica.heartbeat()) as Heartbeat).boot;
}

export class FakeSpender {
  readonly replica: FakeReplica;
  readonly boot: string;
  readonly events: UsageEvent[] = [];
  readonly outbox = outboxAt(0, 1);
  readonly jws = new Map<string, string>();
  demand: Demand[] = [];
  readonly #state;
  readonly #waiting = new Map<string, { resolve: (outcome: string) => void; actual: bigint }>();
  readonly #slices = new Map<string, Slice>();
  #asks: Promise<unknown>[] = [];
  #attempts = 0;

  constructor(replica: FakeReplica) {
    this.replica = replica;
    this.boot = bootOfFake(replica);
    this.#state = emptyEscrow({ replica: replica.id, boot: this.boot });
  }

  /** One attempt that is bounded by `nanos` and costs `actual`: `settled`, or why it was refused. */
  request(budgets: readonly string[], nanos: bigint, actual: bigint): Promise<string> {
    const id = `a${++this.#attempts}`;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.set(id, { resolve, actual });
    this.#step({ type: "reserve", wanted: { id, budgets, nanos, about: id }, wallMs: Date.now() });
    return promise;
  }

  /** Whoever still waits waits no longer. */
  giveUp(): void {
    for (const id of this.#waiting.keys()) this.#step({ type: "gave-up", id });
  }

  /** What it has on disk, as its heartbeat says it; `show` adds slices as they were signed. */
  report(show: readonly string[] = []): EscrowReport {
    const holding = holdings(this.#state).map(({ slice, amount, spent, reserved, lastSeq }) => {
      const jws = show.includes(slice) ? this.jws.get(slice) : undefined;
      const amounts = { amount: String(amount), spent: String(spent), reserved: String(reserved) };
      return { slice, ...amounts, lastSeq, ...(jws === undefined ? {} : { jws }) };
    });
    return { holding, demand: this.demand, lastSeq: this.outbox.durableSeq - 1 };
  }

  /** A heartbeat with its report, and what its answer asks for done. */
  async beat(report: EscrowReport = this.report()): Promise<Fresh> {
    const usage = { nextSeq: this.outbox.durableSeq };
    const fresh = await this.replica.beat({ escrow: report, usage });
    acknowledged(this.outbox, fresh.usageCursor);
    for (const jws of fresh.escrow?.slices ?? []) await this.#take(jws);
    for (const slice of fresh.escrow?.recall ?? []) this.#step({ type: "recall", slice });
    for (const slice of fresh.escrow?.closed ?? []) this.#step({ type: "closed", slice });
    return fresh;
  }

  /** Sends what PostgreSQL has not, at most `max` events; returns whether there was any. */
  async flush(max = 500): Promise<boolean> {
    const range = toOffer(this.outbox, max);
    if (range === undefined) return false;
    const body = JSON.stringify({ v: 1, events: this.events.slice(range.from - 1, range.to) });
    const message = await this.replica.connection.request(replicaSubjects.usage(this.replica.id), body, {
      timeout: ANSWER_MS,
    });
    answered(this.outbox, range.from, UsageAnswer.parse(message.json()).cursor);
    return true;
  }

  /** All that it holds goes back, as when it was asked for all. */
  returnAll(): void {
    for (const slice of this.#state.held.slices.keys()) this.#step({ type: "recall", slice });
  }

  /** Questions that are under way have been answered. */
  async idle(): Promise<void> {
    while (this.#asks.length > 0) await Promise.all(this.#asks.splice(0));
  }

  #step(event: EscrowEvent): void {
    for (const effect of step(this.#state, event)) this.#do(effect);
  }

  #do(effect: EscrowEffect): void {
    switch (effect.type) {
      case "append": {
        this.#write(effect.record);
        return this.#step({ type: "persisted", n: effect.n });
      }
      case "forward": {
        const waiting = this.#waiting.get(effect.id);
        this.#waiting.delete(effect.id);
        const seq = numberOf(this.outbox, 0);
        this.#step({
          ...{ type: "settle", id: effect.id, seq, actual: waiting?.actual ?? null },
          wallMs: Date.now(),
        });
        return waiting?.resolve("settled");
      }
      case "ask": {
        const asking = this.#ask(effect.ask);
        this.#asks.push(asking);
        // A test that is over waits for no answer; `idle` hears of what went wrong.
        asking.catch(() => undefined);
        return;
      }
      case "ask-later": {
        const { budget } = effect;
        setTimeout(() => this.#step({ type: "ask-again", budget, wallMs: Date.now() }), 50).unref();
        return;
      }
      case "refuse": {
        this.#waiting.get(effect.id)?.resolve(effect.code);
        this.#waiting.delete(effect.id);
        return;
      }
      case "report":
      case "overrun":
    }
  }

  #write(record: JournalRecord): void {
    if (record.kind !== "settle") return;
    const charges = record.charges.map(({ slice, n }) => {
      const { budget, startMs } = this.#slices.get(slice) ?? {};
      return { slice, n: String(n), budget, startMs };
    });
    const cost = charges[0]?.n ?? "0";
    this.events.push(settledEvent(record.seq, { charges, overrun: String(record.overrun), cost }));
    this.outbox.durableSeq = this.events.length + 1;
  }

  async #ask(question: CoreAsk): Promise<void> {
    const answer = await ask(this.replica, wireAsk(question));
    if ("slice" in answer) return this.#take(answer.slice);
    const { denied: code, spent, limit } = answer;
    this.#step({
      ...{ type: "denied", req: question.req, code },
      ...{ spent: BigInt(spent), limit: BigInt(limit) },
    });
  }

  async #take(jws: string): Promise<void> {
    const verify = await createVerify(this.replica.answer.verificationKeys);
    const payload = await verify("clv-slice+jws", jws);
    if (payload === undefined) throw new Error("a slice is not authentic");
    const slice = Slice.parse(JSON.parse(new TextDecoder().decode(payload)));
    this.jws.set(slice.id, jws);
    this.#slices.set(slice.id, slice);
    const amount = BigInt(slice.amount);
    this.#step({ type: "slice", slice: { ...slice, amount }, wallMs: Date.now() });
  }
}

/** A settled request of the sandbox, with these parts on money. */
export function settledEvent(
  seq: number,
  money: Partial<Extract<UsageEvent, { kind: "settled" }>>,
): UsageEvent {
  return {
    ...{ kind: "settled", seq, keyId: "key_000000000000", generation: 1, projectId: "prj_000000000000" },
    ...{ requestId: `req_${seq}`, surface: "chat", provider: "sandbox", llmKeyId: "llm_000000000000" },
    ...{ model: "echo", status: 200, code: null, basis: "provider", firstByteMs: 5, totalMs: 9 },
    tokens: { input: 3, cacheRead: 0, cacheWrite: null, output: 7, reasoning: null },
    ...{ startedAtMs: Date.now(), ipPrefix: "127.0.0.0/24" },
    ...money,
  };
}

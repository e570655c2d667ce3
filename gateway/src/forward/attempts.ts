/**
 * One admitted request and its attempts. Each has a reservation, an open record, a last look and a settlement of its own,
 * so whatever a provider may bill is held before it is asked and written down after. Another attempt follows only one that
 * has failed before the caller saw a byte, for a reason that another LLM key may not have; there are finitely many. The
 * key's place among its requests and its rate are taken once, and given back here.
 */
import type { Principal } from "@claviger/shared/decide/admit";
import type { Route } from "@claviger/shared/decide/model";
import { type Refusal, type RefusalCode, refuse } from "@claviger/shared/decide/refusals";
import { foldUsage } from "@claviger/shared/money/usage";
import type { ProviderRecord } from "@claviger/shared/wire/record";
import type { Tokens } from "@claviger/shared/wire/usage";
import { attemptIdOf } from "../attempt-id.ts";
import { countUp } from "../metrics.ts";
import type { OpenRecord } from "../ports.ts";
import type { Admission, AttemptFacts, Limited, RequestFacts, Reservation } from "../rooms.ts";
import { relayFor } from "./attempt-relay.ts";
import type { RequestBody } from "./body.ts";
import type { Candidates } from "./candidates.ts";
import { CapturingAnswer } from "./capture.ts";
import type { Ailment } from "./health.ts";
import { providers } from "./providers.ts";
import type { Relay } from "./relay.ts";
import type { Outcome } from "./relay-job.ts";
import { turnAway, type Visit } from "./visit.ts";

/** What is asked for; the same for all attempts. */
export interface Wanted {
  readonly principal: Principal;
  readonly limited: Limited;
  readonly asked: string;
  readonly body: RequestBody;
  readonly estimate: number;
  readonly candidates: Candidates;
  readonly facts: RequestFacts;
}

/** Failures that another LLM key or provider may not have, and what they say of the one that had them. */
const MENDABLE: Readonly<Partial<Record<RefusalCode, Ailment>>> = {
  provider_auth_failed: "rejected",
  provider_rate_limited: "failing",
  provider_error: "failing",
  provider_timeout: "failing",
  provider_disconnected: "failing",
  provider_bad_response: "failing",
};

/** What stands in the way of one candidate only: the next one is asked. */
const PASSED_OVER: ReadonlySet<RefusalCode> = new Set([
  ...(["provider_auth_failed", "config_behind", "model_not_found"] as const),
  ...(["request_exceeds_budget", "budget_exceeded", "budget_unavailable", "unboundable_cost"] as const),
]);

/** One attempt that runs. */
interface Running {
  readonly n: number;
  readonly admission: Admission;
  readonly reservation: Reservation;
  readonly facts: RequestFacts;
  readonly credential: string;
}

export class Attempts {
  readonly #visit: Visit;
  readonly #wanted: Wanted;
  #next = 0;
  /** How many have been started. */
  #made = 0;
  #startedMs = 0;
  #usedTokens = 0;
  #earlier: AttemptFacts[] | undefined;
  /** Of the attempt that is being settled, when another one is to make good for it. */
  #failure: Refusal | undefined;
  readonly #capture: CapturingAnswer | undefined;

  constructor(visit: Visit, wanted: Wanted) {
    this.#visit = visit;
    this.#wanted = wanted;
    const isCaptured = visit.deps.view.policy()?.bodyCapture === true;
    this.#capture = isCaptured ? new CapturingAnswer(visit.exchange.answer) : undefined;
  }

  /** Starts the first attempt that can be. Undefined when one runs; else why none does. */
  async start(): Promise<Refusal | undefined> {
    const { candidates } = this.#wanted;
    const { clock, inflight } = this.#visit.deps;
    this.#startedMs = clock.monoMs();
    this.#next = 1;
    inflight.begin();
    let runs = false;
    try {
      const first = candidates[0];
      const refusal = await (candidates.length === 1 ? this.#attempt(first) : this.#advance(first));
      runs = refusal === undefined;
      return refusal;
    } finally {
      if (!runs) inflight.finish();
    }
  }

  /** `failure` is what the caller is told when nobody else can be asked; without, what stood in the way first. */
  async #advance(first: Route | undefined, failure?: Refusal): Promise<Refusal | undefined> {
    let toTell = failure;
    for (let route = first; route !== undefined; route = this.#nextRoute()) {
      const refusal = await this.#attempt(route);
      if (refusal === undefined || !PASSED_OVER.has(refusal.code)) return refusal;
      toTell ??= refusal;
    }
    return toTell;
  }

  #nextRoute(): Route | undefined {
    return this.#wanted.candidates[this.#next++];
  }

  /** Credential, reservation, open record, last look, and the relay in the same turn. Undefined when it runs. */
  async #attempt(route: Route): Promise<Refusal | undefined> {
    const { vault, reserve, ledger, grant } = this.#visit.deps;
    const { principal, asked, body } = this.#wanted;
    const credential = await vault.credentialFor(route.provider);
    if (credential === undefined) return refuse("provider_auth_failed");
    const n = this.#made + 1;
    const facts = this.#factsOf(n);
    const record = this.#recordOf(route, n, facts);
    const held = reserve(record, principal, body);
    const reservation = held instanceof Promise ? await held : held;
    if ("code" in reservation) return reservation;
    let recorded = reservation.journaled;
    let started = false;
    try {
      recorded ||= await ledger.open(record);
      if (!recorded) return refuse("audit_unavailable");
      const admission = grant(principal, asked, route, reservation);
      if ("code" in admission) return admission;
      const relay = this.#relayFor({ n, admission, reservation, facts, credential });
      started = true;
      this.#begin(relay, n, route);
      return undefined;
    } finally {
      // Whatever was thrown where: what was not started holds nothing.
      if (!started) reservation.release();
      if (recorded && !started && !reservation.journaled) ledger.withdraw(attemptIdOf(record));
    }
  }

  #factsOf(n: number): RequestFacts {
    const { facts } = this.#wanted;
    return n === 1 ? facts : { ...facts, atMs: this.#visit.deps.clock.wallMs() };
  }

  #recordOf({ provider, model }: Route, n: number, facts: RequestFacts): OpenRecord {
    const { key, generation } = this.#wanted.principal;
    const record: OpenRecord = {
      requestId: facts.requestId,
      atMs: facts.atMs,
      keyId: key.id,
      generation,
      projectId: key.projectId,
      surface: facts.surface,
      provider: provider.provider,
      llmKeyId: provider.id,
      model,
      ipPrefix: facts.ipPrefix,
    };
    if (n > 1) record.attempt = n;
    return record;
  }

  #relayFor(running: Running): Relay {
    const { asked, body, candidates } = this.#wanted;
    const { n: attempt, admission, reservation, credential } = running;
    return relayFor(this.#visit, {
      ...{ admission, attempt, asked, body, credential },
      answer: this.#capture ?? this.#visit.exchange.answer,
      output: reservation.output,
      failed:
        candidates.length === 1
          ? undefined
          : (refusal, status) => this.#failed(admission.provider, refusal, status),
      headWaits: this.#next < candidates.length && running.n < this.#visit.deps.settings.attemptsMax,
      settled: (outcome) => this.#settled(running, outcome),
    });
  }

  #begin(relay: Relay, n: number, { provider }: Route): void {
    const { deps } = this.#visit;
    this.#made = n;
    if (this.#wanted.candidates.length > 1) deps.health.asked(provider, deps.clock.monoMs());
    deps.metrics.admitted++;
    deps.inflight.add(relay);
    try {
      relay.start();
    } catch (error) {
      deps.log.error({ err: error }, "request failed");
      relay.abort(refuse("internal_error"));
    }
  }

  /** Whether another attempt makes good for the failure of this one. */
  #failed(provider: ProviderRecord, refusal: Refusal, status: number | undefined): boolean {
    const { deps, exchange } = this.#visit;
    const ailment = MENDABLE[refusal.code];
    const ofRequest =
      status !== undefined && providers[provider.provider]?.statusesOfRequest?.includes(status) === true;
    if (ailment === undefined || ofRequest) return false;
    const nowMs = deps.clock.monoMs();
    deps.health.failed(provider, nowMs, ailment, (refusal.retryAfterSeconds ?? 0) * 1000);
    const { attemptsMax, attemptsMsMax } = deps.settings;
    if (exchange.answer.begun || this.#made >= attemptsMax || nowMs - this.#startedMs >= attemptsMsMax) {
      return false;
    }
    if (this.#next >= this.#wanted.candidates.length) return false;
    this.#failure = refusal;
    return true;
  }

  #settled({ n, admission, reservation, facts, credential }: Running, outcome: Outcome): void {
    const { deps, exchange } = this.#visit;
    countUp(deps.metrics.settled, outcome.code ?? "ok");
    if (outcome.code === null && this.#wanted.candidates.length > 1) deps.health.worked(admission.provider);
    this.#usedTokens += total(foldUsage(outcome.tokens));
    const spent = reservation.settle(outcome);
    const failure = this.#failure;
    this.#failure = undefined;
    const followed = failure !== undefined;
    const bodies = followed
      ? undefined
      : this.#capture?.bodies(this.#wanted.body.bytes, exchange.header("content-type") ?? "", [credential]);
    const about = { facts, admission, attempt: n, followed, earlier: this.#earlier, spent, bodies };
    deps.ledger.settle({ ...about, ...outcome });
    if (!followed) return this.#finish();
    this.#earlier = [...(this.#earlier ?? []), attemptFacts(admission, outcome)];
    void this.#again(failure);
  }

  /** After a failure that the caller knows nothing of: another attempt answers, or the caller is told. */
  async #again(failure: Refusal): Promise<void> {
    let refusal: Refusal | undefined;
    try {
      refusal = await this.#advance(this.#nextRoute(), failure);
    } catch (error) {
      this.#visit.deps.log.error({ err: error }, "request failed");
      refusal = refuse("internal_error");
    }
    if (refusal === undefined) return;
    // What an attempt was settled with stands in the log already.
    turnAway(this.#visit, refusal, refusal === failure ? undefined : this.#wanted.principal.key);
    this.#finish();
  }

  /** The one end of a request that was forwarded. */
  #finish(): void {
    const { limited, estimate } = this.#wanted;
    const { inflight, limits } = this.#visit.deps;
    inflight.finish();
    limits.leave(limited);
    limits.correct(limited, estimate, this.#usedTokens);
  }
}

function attemptFacts({ provider, model }: Admission, { status, code, totalMs }: Outcome): AttemptFacts {
  return {
    model,
    provider: provider.provider,
    llmKeyId: provider.id,
    status,
    code,
    ms: Math.round(totalMs * 10) / 10,
  };
}

function total(tokens: Tokens): number {
  let sum = 0;
  for (const part of [tokens.input, tokens.cacheRead, tokens.cacheWrite, tokens.output, tokens.reasoning])
    sum += part ?? 0;
  return sum;
}

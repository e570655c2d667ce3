/**
 * One forwarded request: bytes through, usage read on the side, settled exactly once whatever ends it. The caller's
 * socket holds back the provider's; the caller's leaving closes the provider's connection at once.
 */
import { type Refusal, refusals, refuse } from "@claviger/shared/decide/refusals";
import type { Usage } from "@claviger/shared/money/cost";
import { isSaid } from "@claviger/shared/money/usage";
import type { Clock, Upstream, UpstreamCall, UpstreamFailure, UpstreamListener } from "../ports.ts";
import { type AnswerFacts, answerFacts, answerHead } from "./head.ts";
import { judgeHead, looksLikeJson, mayBeBilled } from "./judge-answer.ts";
import { sendProblem, streamError } from "./problem.ts";
import type { Outcome, RelayJob, RelayLimits } from "./relay-job.ts";
import { blindReader, muteReader, type UsageReader } from "./usage/reader.ts";
import { Speech } from "./usage/speech.ts";
import { streamReader } from "./usage/stream.ts";
import { wholeReader } from "./usage/whole.ts";

/** Ticks come about once a second. */
const TICK_MS_MAX = 2000;
const NOTHING: Usage = { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0 };
/** Counted, not bounded: what keys without a budget are charged when the provider's word is missing. */
const BYTES_PER_TOKEN = 4;
/** Few tokens are longer, and no answer is made of such alone. */
const BYTES_PER_TOKEN_MAX = 16;

const FAILURES = {
  blocked: refuse("upstream_blocked"),
  timeout: refuse("provider_timeout"),
  disconnected: refuse("provider_disconnected"),
  bad_response: refuse("provider_bad_response"),
} as const satisfies Record<UpstreamFailure, Refusal>;

export class Relay implements UpstreamListener {
  readonly job: RelayJob;
  /** Where it stands among those that run; `Inflight`'s. */
  place = -1;
  readonly #upstream: Upstream;
  readonly #clock: Clock;
  readonly #limits: RelayLimits;
  readonly #startedMs: number;
  #call: UpstreamCall | undefined;
  #reader: UsageReader | undefined;
  #head: { status: number; flat: readonly string[]; facts: AnswerFacts } | undefined;
  #streamed = false;
  #bytes = 0;
  /** The last bytes of an answer of known length, which go out together with its end. */
  #last: Uint8Array | undefined;
  #firstByteMs: number | null = null;
  #pausedAtMs: number | null = null;
  #drainUntilMs: number | null = null;
  /** Of a stream that can be read: a provider that only keeps the connection open is silent. */
  #speech: Speech | undefined;
  /** How long it has been silent, as of the last tick. */
  #silentMs = 0;
  #tickedMs = 0;
  #silenceMsMax = 0;
  #over = false;

  constructor(job: RelayJob, upstream: Upstream, clock: Clock, limits: RelayLimits) {
    this.job = job;
    this.#clock = clock;
    this.#limits = limits;
    this.#upstream = upstream;
    this.#startedMs = clock.monoMs();
  }

  /** Opens the upstream call in this turn, unless the caller has left already. */
  start(): void {
    this.job.answer.onGone(() => this.#gone());
    this.job.answer.onDrained(() => this.#drained());
    if (!this.#over) this.#call = this.#upstream.open(this.job.request, this);
  }

  head(status: number, flat: readonly string[]): void {
    const facts = answerFacts(flat);
    const refusal = judgeHead(status, facts, this.job.otherAnswers, this.#limits.answerBytesMax);
    if (refusal !== undefined) return this.#fail(refusal, mayBeBilled(status) ? undefined : NOTHING, status);
    this.#streamed = facts.contentType === "text/event-stream";
    this.#head = { status, flat, facts };
    this.#reader = this.#readerFor(facts);
    if (this.#streamed && this.#isPlain()) this.#listen();
    if (this.#streamed && !this.job.headWaits) this.#sendHead(true);
  }

  data(bytes: Uint8Array): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    if (this.#bytes === 0) {
      this.#firstByteMs = this.#clock.monoMs() - this.#startedMs;
      if (this.#head?.facts.contentType === "application/json" && this.#isPlain() && !looksLikeJson(bytes)) {
        return this.#fail(FAILURES.bad_response);
      }
    }
    this.#bytes += bytes.length;
    if (this.#bytes > (this.#streamed ? this.#limits.streamBytesMax : this.#limits.answerBytesMax)) {
      return this.#fail(refuse("provider_response_too_large"));
    }
    this.#speech?.hear(bytes);
    const passed = reader.pass(bytes);
    if (this.#isBeyondBound(reader)) return this.#fail(refuse("provider_response_too_large"));
    if (this.#drainUntilMs !== null || passed === undefined) return;
    if (!this.job.answer.begun) this.#sendHead(false);
    if (!this.#streamed && this.#bytes === this.#head?.facts.contentLength) {
      this.#last = passed;
    } else if (!this.job.answer.write(passed)) {
      this.#pausedAtMs = this.#clock.monoMs();
      this.#call?.pause();
    }
  }

  end(): void {
    const tail = this.#reader?.finish() ?? this.#last;
    if (this.#drainUntilMs !== null) return this.#settle(499, "client_closed", true);
    if (!this.job.answer.begun) {
      if (this.#head === undefined || this.#head.status < 300) return this.#fail(FAILURES.bad_response);
      this.#sendHead(false);
    }
    this.job.answer.end(tail);
    this.#settle(this.#head?.status ?? 200, null, true);
  }

  failed(why: UpstreamFailure, nothingSent = why === "blocked"): void {
    if (this.#drainUntilMs !== null) return this.#settle(499, "client_closed", false);
    this.#fail(FAILURES[why], nothingSent ? NOTHING : undefined);
  }

  /** Breaks the request off, by revocation or at a limit; the upstream connection is closed in this turn. */
  abort(refusal: Refusal): void {
    if (!this.#over) this.#fail(refusal);
  }

  /** To be called about once a second. */
  tick(nowMonoMs: number): void {
    if (this.#over) return;
    if (this.#drainUntilMs !== null) {
      if (nowMonoMs >= this.#drainUntilMs) this.#settle(499, "client_closed", false);
    } else if (nowMonoMs - this.#startedMs >= this.#limits.streamMsMax) {
      this.#fail(refuse("stream_too_long"));
    } else if (this.#pausedAtMs !== null && nowMonoMs - this.#pausedAtMs >= this.#limits.stallMsMax) {
      this.job.answer.cut();
      this.#settle(499, "client_stalled", false);
    } else if (this.#isSilent(nowMonoMs)) {
      this.#fail(FAILURES.timeout);
    }
  }

  #listen(): void {
    const { firstByteTimeoutMs, idleTimeoutMs } = this.job.request;
    this.#speech = new Speech();
    this.#tickedMs = this.#clock.monoMs();
    this.#silenceMsMax = firstByteTimeoutMs ?? idleTimeoutMs;
  }

  /** Nobody can tell while the caller holds the provider back, nor of a time in which this process did nothing. */
  #isSilent(nowMonoMs: number): boolean {
    if (this.#speech === undefined) return false;
    const heard = this.#speech.wasHeard();
    if (heard) this.#silenceMsMax = this.job.request.idleTimeoutMs;
    const passedMs = Math.min(nowMonoMs - this.#tickedMs, TICK_MS_MAX);
    this.#tickedMs = nowMonoMs;
    this.#silentMs = heard || this.#pausedAtMs !== null ? 0 : this.#silentMs + passedMs;
    return this.#silentMs >= this.#silenceMsMax;
  }

  /** A provider that breaks its word (PROTOCOL §2.0, A6). What a token may hold is counted generously: none is cut in vain. */
  #isBeyondBound(reader: UsageReader): boolean {
    const { outputTokensMax: max } = this.job;
    return max !== undefined && this.#streamed && reader.textBytes() > max * BYTES_PER_TOKEN_MAX;
  }

  #readerFor(facts: AnswerFacts): UsageReader {
    const { usage, strip } = this.job;
    if (usage.free === true) return muteReader();
    if (this.#streamed) return facts.encoding === "identity" ? streamReader(usage, strip) : blindReader();
    if (facts.contentType !== "application/json") return muteReader();
    return facts.encoding === "identity" ? wholeReader(usage) : blindReader();
  }

  #isPlain(): boolean {
    return this.#head?.facts.encoding === "identity";
  }

  #sendHead(flush: boolean): void {
    const head = this.#head;
    if (head === undefined) return;
    const mayShrink = this.#streamed && this.job.strip !== "nothing";
    this.job.answer.head(head.status, answerHead(this.job.ours, head.flat, head.facts, mayShrink), flush);
  }

  #fail(refusal: Refusal, tokens?: Usage, upstreamStatus = this.#head?.status): void {
    const replaced = this.#drainUntilMs === null && this.job.failed?.(refusal, upstreamStatus) === true;
    const status = replaced ? refusals[refusal.code].status : this.#tell(refusal);
    this.#settle(status, refusal.code, false, tokens);
  }

  /** Says it to the caller, as far as that is still possible, and returns the status that stands. */
  #tell(refusal: Refusal): number {
    const { answer, dialect, eventDialect, ours, requestId } = this.job;
    if (!answer.begun) return sendProblem(answer, refusal, dialect, ours, requestId);
    // Two line ends close an event that was cut, so that the error is an event of its own.
    if (this.#streamed && this.#isPlain()) answer.end(streamError(refusal, eventDialect, requestId));
    else answer.cut();
    return this.#head?.status ?? refusals[refusal.code].status;
  }

  #gone(): void {
    if (this.#over) return;
    if (this.#call !== undefined && this.#head !== undefined && this.job.mayDrain()) {
      this.#drainUntilMs = this.#clock.monoMs() + this.#limits.drainMsMax;
      this.#drained();
    } else {
      this.#settle(499, "client_closed", false, this.#call === undefined ? NOTHING : undefined);
    }
  }

  #drained(): void {
    if (this.#pausedAtMs === null) return;
    this.#pausedAtMs = null;
    this.#call?.resume();
  }

  #settle(status: number, code: string | null, complete: boolean, tokens?: Usage): void {
    if (this.#over) return;
    this.#over = true;
    if (!complete || this.job.answer.begun === false) this.#call?.close();
    const charged =
      tokens === undefined ? this.#charge(status, complete) : ({ tokens, basis: "provider" } as const);
    this.job.settled({
      status,
      code,
      // Gemini's other form of a stream is one list.
      streamed: this.#streamed || (this.job.usage.depth === 2 && status < 300),
      ...charged,
      firstByteMs: this.#firstByteMs,
      totalMs: this.#clock.monoMs() - this.#startedMs,
    });
  }

  #charge(status: number, complete: boolean): Pick<Outcome, "tokens" | "basis"> {
    if (this.job.usage.free === true) return { tokens: NOTHING, basis: "provider" };
    const said = this.#reader?.tokens() ?? null;
    if (complete && isSaid(said) && this.#reader?.isLast()) return { tokens: said, basis: "provider" };
    // A provider bills no answer that it refused.
    if (complete && status >= 400 && status !== 499) return { tokens: NOTHING, basis: "provider" };
    const output = Math.ceil((this.#reader?.textBytes() ?? 0) / BYTES_PER_TOKEN);
    const input = Math.ceil(this.job.textBytes / BYTES_PER_TOKEN);
    const counted: Usage = {
      ...said,
      input: said?.input ?? input,
      cacheRead: said?.cacheRead ?? null,
      cacheWrite: said?.cacheWrite ?? null,
      output: Math.max(said?.output ?? 0, output),
      reasoning: said?.reasoning ?? null,
    };
    return { tokens: counted, basis: "bounded" };
  }
}

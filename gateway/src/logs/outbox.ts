/**
 * The usage outbox: the request log plus a cursor. Events are offered again until PostgreSQL's cursor says that it has
 * them; nothing else is an acknowledgement. The answer to an offer is not signed, so it only says where to go on: what
 * counts, is remembered and lets rows go is the cursor in a signed heartbeat answer. What is offered has been committed
 * here first, so a sequence number is never given to two events.
 */
import { UsageAnswer } from "@claviger/shared/wire/usage";
import type { Metrics } from "../metrics.ts";
import type { Courier, Log, LogStore } from "../ports.ts";

const BATCH_MAX = 500;
const BACKOFF_MS = { min: 200, max: 10_000 };

export interface OutboxDeps {
  readonly store: Pick<LogStore, "usageAfter">;
  readonly courier: Pick<Courier, "usage">;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "usageCursorsRefused">;
}

export class Outbox {
  readonly #deps: OutboxDeps;
  /** As signed. */
  #cursor: number;
  /** Offered and, as an unsigned answer has it, taken up to here: never below `#cursor`, never above what exists. */
  #offered: number;
  #nextSeq: number;
  /** A cursor below where the offers stand, as the last heartbeat's answer told it. */
  #lower: number | undefined;
  #backoffMs = BACKOFF_MS.min;
  #running = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(deps: OutboxDeps, cursor: number, nextSeq: number) {
    this.#deps = deps;
    this.#cursor = cursor;
    this.#offered = cursor;
    this.#nextSeq = nextSeq;
  }

  /** Every event up to here is in PostgreSQL, by the control plane's signature. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Events were committed; they are offered at once. */
  committed(nextSeq: number): void {
    this.#nextSeq = nextSeq;
    this.#kick();
  }

  /**
   * The control plane has told its cursor in a signed answer. One that is lower than what was offered may just be older
   * than the last batch; told twice, the batch did not arrive, or the database was set back, and gets the events again.
   * One that is higher than what was ever numbered here (a disk that was set back) is counted, and numbers go on above
   * it: PostgreSQL would take an event with a number that it has for one that it has.
   */
  acknowledged(cursor: number): void {
    if (cursor >= this.#nextSeq) {
      this.#refuse(cursor);
      this.#nextSeq = cursor + 1;
    }
    if (cursor > this.#cursor) this.#cursor = cursor;
    if (cursor >= this.#offered) {
      this.#offered = cursor;
      this.#lower = undefined;
    } else if (cursor !== this.#lower) this.#lower = cursor;
    else {
      this.#cursor = cursor;
      this.#offered = cursor;
      this.#kick();
    }
  }

  /** Stops offering; what is not acknowledged is offered after the next start. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  #kick(): void {
    if (this.#running || this.#closed || this.#retry !== undefined || this.#offered >= this.#nextSeq - 1)
      return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
      this.#kick();
    });
  }

  #refuse(cursor: number): void {
    this.#deps.metrics.usageCursorsRefused++;
    this.#deps.log.error({ cursor, nextSeq: this.#nextSeq }, "a usage cursor above every number given here");
  }

  /** Offers until everything was taken or an offer fails; then the next one waits. */
  async #run(): Promise<void> {
    try {
      while (!this.#closed && this.#offered < this.#nextSeq - 1) {
        await this.#offer(this.#offered);
        this.#backoffMs = BACKOFF_MS.min;
      }
    } catch (error) {
      if (this.#closed) return;
      const { log } = this.#deps;
      log.warn({ err: error, cursor: this.#offered, nextSeq: this.#nextSeq }, "usage not taken yet");
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#kick();
      }, this.#backoffMs);
      this.#backoffMs = Math.min(BACKOFF_MS.max, this.#backoffMs * 2);
    }
  }

  async #offer(after: number): Promise<void> {
    const batch = await this.#deps.store.usageAfter(after, BATCH_MAX);
    if (batch === undefined) throw new Error("committed events are not in the store");
    const answer = await this.#deps.courier.usage(batch.body);
    const { cursor } = UsageAnswer.parse(JSON.parse(new TextDecoder().decode(answer)));
    if (cursor >= this.#nextSeq) {
      this.#refuse(cursor);
      throw new Error(`an answer claims usage up to ${cursor}`);
    }
    this.#offered = Math.max(cursor, this.#cursor);
    if (this.#offered <= after) throw new Error(`the control plane's usage cursor stands at ${cursor}`);
  }
}

/**
 * The usage outbox: the request log plus a cursor. Events are offered again until PostgreSQL's cursor says that it has
 * them; nothing else is an acknowledgement. What is offered has been committed here first, so a sequence number is never
 * given to two events.
 */
import { UsageAnswer } from "@claviger/shared/wire/usage";
import type { Courier, Log, LogStore } from "../ports.ts";

const BATCH_MAX = 500;
const BACKOFF_MS = { min: 200, max: 10_000 };

export class Outbox {
  readonly #store: LogStore;
  readonly #courier: Pick<Courier, "usage">;
  readonly #log: Log;
  #cursor: number;
  #nextSeq: number;
  /** A cursor below ours, as the last heartbeat's answer told it. */
  #lower: number | undefined;
  #backoffMs = BACKOFF_MS.min;
  #running = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(store: LogStore, courier: Pick<Courier, "usage">, log: Log, cursor: number, nextSeq: number) {
    this.#store = store;
    this.#courier = courier;
    this.#log = log;
    this.#cursor = cursor;
    this.#nextSeq = nextSeq;
  }

  /** Every event up to here is in PostgreSQL. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Events were committed; they are offered at once. */
  committed(nextSeq: number): void {
    this.#nextSeq = nextSeq;
    this.#kick();
  }

  /**
   * The control plane has told its cursor in a heartbeat's answer. One that is lower than ours may just be older than the
   * last batch; told twice, the database was set back and gets the events again.
   */
  acknowledged(cursor: number): void {
    if (cursor > this.#cursor) this.#cursor = cursor;
    if (cursor >= this.#cursor) this.#lower = undefined;
    else if (cursor !== this.#lower) this.#lower = cursor;
    else {
      this.#cursor = cursor;
      this.#kick();
    }
  }

  /** Stops offering; what is not acknowledged is offered after the next start. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  #kick(): void {
    if (this.#running || this.#closed || this.#retry !== undefined || this.#cursor >= this.#nextSeq - 1)
      return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
      this.#kick();
    });
  }

  /** Offers until everything is acknowledged or an offer fails; then the next one waits. */
  async #run(): Promise<void> {
    try {
      while (!this.#closed && this.#cursor < this.#nextSeq - 1) {
        const batch = await this.#store.usageAfter(this.#cursor, BATCH_MAX);
        if (batch === undefined) throw new Error("committed events are not in the store");
        const answer = await this.#courier.usage(batch.body);
        const { cursor } = UsageAnswer.parse(JSON.parse(new TextDecoder().decode(answer)));
        const before = this.#cursor;
        this.#cursor = cursor;
        if (cursor <= before) throw new Error(`the control plane's usage cursor stands at ${cursor}`);
        this.#backoffMs = BACKOFF_MS.min;
      }
    } catch (error) {
      if (this.#closed) return;
      this.#log.warn({ err: error, cursor: this.#cursor, nextSeq: this.#nextSeq }, "usage not taken yet");
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#kick();
      }, this.#backoffMs);
      this.#backoffMs = Math.min(BACKOFF_MS.max, this.#backoffMs * 2);
    }
  }
}

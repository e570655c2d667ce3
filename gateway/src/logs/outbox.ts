/**
 * Drives the usage outbox (`@claviger/shared/escrow/outbox`), which is the request log plus a cursor: one offer at a time,
 * and where nothing is taken the next one later and later. The bargain is the core's: nothing but a signed cursor is an
 * acknowledgement, and what is offered has been committed here first, so a sequence number is never given to two events.
 */
import {
  acknowledged,
  answered,
  type Outbox as Core,
  outboxAt,
  toOffer,
} from "@claviger/shared/escrow/outbox";
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
  readonly #core: Core;
  #backoffMs = BACKOFF_MS.min;
  #running = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(deps: OutboxDeps, cursor: number, nextSeq: number) {
    this.#deps = deps;
    this.#core = outboxAt(cursor, nextSeq);
  }

  /** Every event up to here is in PostgreSQL, by the control plane's signature. */
  get cursor(): number {
    return this.#core.cursor;
  }

  /** Events were committed; they are offered at once. */
  committed(nextSeq: number): void {
    this.#core.durableSeq = nextSeq;
    this.#kick();
  }

  /** The control plane has told its cursor in a signed answer. */
  acknowledged(cursor: number): void {
    const said = acknowledged(this.#core, cursor);
    if (said === "above") this.#refuse(cursor);
    if (said === "again") this.#kick();
  }

  /** Stops offering; what is not acknowledged is offered after the next start. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  #kick(): void {
    if (this.#running || this.#closed || this.#retry !== undefined) return;
    if (toOffer(this.#core, BATCH_MAX) === undefined) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
      this.#kick();
    });
  }

  #refuse(cursor: number): void {
    const { metrics, log } = this.#deps;
    metrics.usageCursorsRefused++;
    log.error({ cursor, nextSeq: this.#core.durableSeq }, "a usage cursor above every number given here");
  }

  /** Offers until everything was taken or an offer fails; then the next one waits. */
  async #run(): Promise<void> {
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        await this.#offer(next.from);
        this.#backoffMs = BACKOFF_MS.min;
      }
    } catch (error) {
      if (this.#closed) return;
      const { log } = this.#deps;
      const { offered, durableSeq } = this.#core;
      log.warn({ err: error, cursor: offered, nextSeq: durableSeq }, "usage not taken yet");
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#kick();
      }, this.#backoffMs);
      this.#backoffMs = Math.min(BACKOFF_MS.max, this.#backoffMs * 2);
    }
  }

  async #offer(from: number): Promise<void> {
    const batch = await this.#deps.store.usageAfter(from - 1, BATCH_MAX);
    if (batch === undefined) throw new Error("committed events are not in the store");
    const answer = await this.#deps.courier.usage(batch.body);
    const { cursor } = UsageAnswer.parse(JSON.parse(new TextDecoder().decode(answer)));
    const said = answered(this.#core, from, cursor);
    if (said === "above") {
      this.#refuse(cursor);
      throw new Error(`an answer claims usage up to ${cursor}`);
    }
    if (said === "stands") throw new Error(`the control plane's usage cursor stands at ${cursor}`);
  }

  #next(): ReturnType<typeof toOffer> {
    return this.#closed ? undefined : toOffer(this.#core, BATCH_MAX);
  }
}

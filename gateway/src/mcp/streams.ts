/** Everything of MCP that runs, so that a lost right, a limit of time or a shutdown finds it. */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";

export interface Running {
  /** Only listens: nobody waits for its end, and at a shutdown it ends first. */
  readonly listens: boolean;
  readonly startedMonoMs: number;
  /** Since when its caller takes nothing; undefined: it takes what comes. */
  readonly stalledMonoMs: number | undefined;
  /** Why it may not go on, by the table as it is now. */
  refused(): Refusal | undefined;
  abort(refusal: Refusal): void;
}

export interface StreamLimits {
  /** No stream lives longer. */
  readonly streamMsMax: number;
  /** A caller that takes nothing for so long is cut off. */
  readonly stallMsMax: number;
  /** `GET` streams that one key may have open here at once. */
  readonly mcpStreamsMax: number;
}

/** What counts against the limit of open `GET` streams, as callers are told. */
export const OPEN_STREAMS = "open streams";

export class Streams {
  /** By key: how many requests are there that only listen. None is 0. */
  readonly #listening = new Map<string, number>();
  readonly #running = new Set<Running>();
  readonly #limits: StreamLimits;
  #begun = 0;

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#running.size + this.#begun;
  }

  /** Of what somebody waits for nothing runs. */
  get quiet(): boolean {
    return this.#begun === 0 && ![...this.#running].some(({ listens }) => !listens);
  }

  /** A request that does not run yet. */
  begin(): void {
    this.#begun++;
  }

  finish(): void {
    this.#begun--;
  }

  /** A place for one more that only listens, and how to give it back, which counts once; undefined: the key has no more. */
  listen(keyId: string): (() => void) | undefined {
    const now = this.#listening.get(keyId) ?? 0;
    if (now >= this.#limits.mcpStreamsMax) return undefined;
    this.#listening.set(keyId, now + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const left = (this.#listening.get(keyId) ?? 1) - 1;
      if (left === 0) this.#listening.delete(keyId);
      else this.#listening.set(keyId, left);
    };
  }

  add(running: Running): void {
    this.#running.add(running);
  }

  remove(running: Running): void {
    this.#running.delete(running);
  }

  /** Ends what may not go on any more, and says how many those were. */
  recheck(): number {
    let n = 0;
    for (const running of [...this.#running]) {
      const refusal = running.refused();
      if (refusal === undefined) continue;
      running.abort(refusal);
      n++;
    }
    return n;
  }

  /** To be called about once a second. */
  tick(nowMonoMs: number): void {
    this.recheck();
    const { streamMsMax, stallMsMax } = this.#limits;
    for (const running of [...this.#running]) {
      const { startedMonoMs, stalledMonoMs = nowMonoMs } = running;
      const isTooLong = nowMonoMs - startedMonoMs >= streamMsMax;
      if (isTooLong || nowMonoMs - stalledMonoMs >= stallMsMax) running.abort(refuse("stream_too_long"));
    }
  }

  /** Those who only listen go to another gateway. */
  drain(): void {
    for (const running of [...this.#running]) if (running.listens) running.abort(refuse("draining"));
  }

  abortAll(refusal: Refusal): number {
    const all = [...this.#running];
    for (const running of all) running.abort(refusal);
    return all.length;
  }
}

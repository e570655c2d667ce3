/** Everything of MCP that runs, so that a lost right, a limit of time or a shutdown finds it. */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";

export interface Running {
  /** Only listens: nobody waits for its end, and at a shutdown it ends first. */
  readonly listens: boolean;
  readonly startedMonoMs: number;
  /** Why it may not go on, by the table as it is now. */
  refused(): Refusal | undefined;
  abort(refusal: Refusal): void;
}

export class Streams {
  readonly #running = new Set<Running>();
  readonly #streamMsMax: number;
  #begun = 0;

  constructor(streamMsMax: number) {
    this.#streamMsMax = streamMsMax;
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
    for (const running of [...this.#running]) {
      if (nowMonoMs - running.startedMonoMs >= this.#streamMsMax) running.abort(refuse("stream_too_long"));
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

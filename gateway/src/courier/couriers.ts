/**
 * Bus first, HTTPS when the bus does not answer. The bargain: who calls does not notice. A call that the bus leaves
 * unanswered goes over HTTPS at once, and so does every further one until the bus has answered a heartbeat again; during
 * that time a held call takes the place of what the bus would have pushed. Calls are told apart by their content
 * (nonce, revision, sequence number), so that one which arrives on both ways does no harm.
 */
import type { Courier, CourierListener, Log } from "../ports.ts";
import { createAnswerBag } from "./answer-bag.ts";
import type { BusCourier } from "./bus-courier.ts";
import type { HttpsCourier } from "./https-courier.ts";

/** A call that the bus leaves unanswered for this long goes over HTTPS as well. */
const PATIENCE_MS = 3_000;
const ASK_PATIENCE_MS = 600;
/** A bus that swallows everything is not given more than this at once. */
const ASKING_MAX = 4;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2_000;
/** Between the end of a heartbeat and the next wait: to apply what it brought takes less. */
const SETTLE_MS = 10;
/** A wait is held for 25 s. One that is let go of much earlier made room for another process of this replica. */
const HELD_MS_MIN = 5_000;
/** A poke is answered by a heartbeat within this time, or the next wait does not wait for it. */
const BEAT_MS_MAX = 2_000;

/** One courier of the two. Closing it closes both. */
export function createCouriers(bus: BusCourier, https: HttpsCourier, log: Log): Courier {
  return new Couriers(bus, https, log);
}

class Couriers implements Courier {
  readonly #bus: BusCourier;
  readonly #https: HttpsCourier;
  readonly #log: Log;
  readonly #bag = createAnswerBag();
  /** The bus answered the last time that it was asked, and has been connected since. */
  #busAnswers = false;
  /** Heartbeats that the bus was asked to answer beside HTTPS. */
  #asking = 0;
  /** Ends what waits for an answer that can no longer come. */
  readonly #lost = new Set<(error: Error) => void>();
  readonly #beaten = new Set<() => void>();
  #listener: CourierListener | undefined;
  /** Aborted when waiting is no longer needed. */
  #waiting = new AbortController();
  #closed = false;
  #running: Promise<void> = Promise.resolve();

  constructor(bus: BusCourier, https: HttpsCourier, log: Log) {
    this.#bus = bus;
    this.#https = https;
    this.#log = log;
    bus.onTurn((connected) => {
      if (!connected) this.#busFailed(new Error("the bus is gone"));
    });
  }

  async heartbeat(body: Uint8Array): Promise<string> {
    try {
      if (this.#busAnswers) return await this.#either((way) => way.heartbeat(body));
      const ways = [this.#bag.send(body, (filled) => this.#https.heartbeat(filled))];
      if (this.#bus.connected && this.#asking < ASKING_MAX) ways.push(this.#askBus(body));
      return await Promise.any(ways).catch((error: AggregateError) => Promise.reject(error.errors[0]));
    } finally {
      for (const tell of this.#beaten) tell();
    }
  }

  sync(body: Uint8Array): Promise<Uint8Array> {
    return this.#either((way) => way.sync(body));
  }

  page(sha256: string): Promise<Uint8Array> {
    return this.#either((way) => way.page(sha256));
  }

  usage(body: Uint8Array): Promise<Uint8Array> {
    return this.#either((way) => way.usage(body));
  }

  /** A request waits for it, so HTTPS is asked as well long before the bus counts as one that does not answer. */
  async ask(body: Uint8Array): Promise<Uint8Array> {
    if (!this.#busAnswers) return this.#https.ask(body);
    const asked = this.#inTime(this.#bus.ask(body), ASK_PATIENCE_MS);
    return asked.catch(() => this.#https.ask(body));
  }

  /** Over HTTPS an answer travels with the next heartbeat, which is made at once. */
  async answer(cp: string, id: string, part: Uint8Array): Promise<void> {
    if (this.#busAnswers) return this.#bus.answer(cp, id, part);
    const sent = this.#bag.add({ cp, id, part });
    this.#listener?.poke();
    await sent;
  }

  listen(on: CourierListener): void {
    this.#listener = on;
    this.#bus.listen(on);
    this.#https.onDetached((jws) => on.detached(jws));
    if (!this.#busAnswers) this.#startWaiting();
  }

  useNatsJwt(jwt: string): void {
    this.#bus.useNatsJwt(jwt);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.abort();
    this.#https.close();
    await Promise.all([this.#bus.close(), this.#running]);
  }

  /** What the bus answers late counts as long as HTTPS has not answered: a slow one's work is not asked for in vain. */
  async #either<T>(call: (way: BusCourier | HttpsCourier) => Promise<T>): Promise<T> {
    if (!this.#busAnswers) return call(this.#https);
    const asked = call(this.#bus);
    const { promise: late, resolve } = Promise.withResolvers<T>();
    try {
      return await this.#inTime(asked);
    } catch (error) {
      asked.then(resolve, () => undefined);
      this.#busFailed(error);
    }
    return Promise.race([late, call(this.#https)]);
  }

  /** Does not wait for the answer of a bus that is gone, nor for longer than is patient. */
  async #inTime<T>(asked: Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
    const { promise: given, reject } = Promise.withResolvers<never>();
    this.#lost.add(reject);
    const timer = setTimeout(() => reject(new Error("the bus has not answered yet")), patienceMs);
    try {
      return await Promise.race([asked, given]);
    } finally {
      clearTimeout(timer);
      this.#lost.delete(reject);
    }
  }

  /** Sends a heartbeat over the bus beside HTTPS; its answer is the proof that the bus is back. */
  async #askBus(body: Uint8Array): Promise<string> {
    this.#asking += 1;
    try {
      const answer = await this.#inTime(this.#bus.heartbeat(body));
      this.#busAnswers = true;
      this.#waiting.abort();
      this.#log.info({}, "the bus answers");
      return answer;
    } finally {
      this.#asking -= 1;
    }
  }

  #busFailed(error: unknown): void {
    for (const reject of [...this.#lost]) reject(new Error("the bus is gone", { cause: error }));
    if (!this.#busAnswers || this.#closed) return;
    this.#busAnswers = false;
    this.#log.warn({ err: error }, "the bus does not answer: going on over HTTPS");
    if (this.#listener !== undefined) this.#startWaiting();
  }

  #startWaiting(): void {
    const stop = new AbortController();
    this.#waiting.abort();
    this.#waiting = stop;
    this.#running = Promise.all([this.#running, this.#wait(stop.signal)]).then(() => undefined);
  }

  /** Holds one call after the other until it is stopped, and pokes whenever one says so. */
  async #wait(stop: AbortSignal): Promise<void> {
    let pauseMs = PAUSE_MS_MIN;
    let told = "";
    while (!stop.aborted) {
      const held = this.#listener?.position?.() ?? { epoch: 0, rev: 0 };
      const from = `${held.epoch}.${held.rev}`;
      const heldSinceMs = performance.now();
      let useful = true;
      try {
        if (await this.#https.wait(held, stop)) {
          useful = from !== told;
          told = from;
          await this.#pokeAndBeat(stop);
        } else {
          useful = performance.now() - heldSinceMs >= HELD_MS_MIN;
        }
      } catch (error) {
        if (stop.aborted) return;
        this.#log.debug({ err: error }, "the control plane does not hold our call");
        useful = false;
      }
      if (useful) pauseMs = PAUSE_MS_MIN;
      else {
        // Told twice from the same place: what is missing is on its way, or nobody is there.
        await pause(pauseMs * (0.5 + Math.random()), stop);
        pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      }
    }
  }

  /** Resolves when a heartbeat after the poke has ended, and what it brought has had time to reach the table. */
  async #pokeAndBeat(stop: AbortSignal): Promise<void> {
    const done = new AbortController();
    const tell = () => done.abort();
    this.#beaten.add(tell);
    this.#listener?.poke();
    await pause(BEAT_MS_MAX, AbortSignal.any([stop, done.signal]));
    this.#beaten.delete(tell);
    await pause(SETTLE_MS, stop);
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener("abort", end);
    if (stop.aborted) end();
  });
}

/**
 * The bus as the normal courier (PROTOCOL §2.2). The bargain: it is not trusted and not the truth; whatever it loses,
 * repeats or reorders is harmless, and while it is down nothing waits for it but heartbeats.
 */
import { replicaSubjects } from "@claviger/shared/wire/subjects";
import {
  type ConnectionOptions,
  jwtAuthenticator,
  type Msg,
  type NatsConnection,
  type Subscription,
} from "@nats-io/nats-core";
import type { Courier, Log } from "../ports.ts";
import { watchSilence } from "./probe.ts";
import { type BusListener, subscribeReplica } from "./subscribe.ts";

const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 15_000; // Who calls has asked elsewhere before, and still takes a late answer.
const PING_MS = 5_000;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;
/** A connection that held this long was a good one: the next failure starts over with short waits. */
const STABLE_MS = 30_000;

export interface NatsSettings {
  /** Those that `dial` can reach. */
  urls: readonly string[];
  replica: string;
  jwt: string;
  /** Seed of the replica's nkey, `SU…`. */
  seed: string;
}

/** How this platform connects to the bus: over TCP, or over WebSocket. */
export type Dial = (options: ConnectionOptions) => Promise<NatsConnection>;

/** A courier that says whether its bus is there. */
export interface BusCourier extends Courier {
  readonly connected: boolean;
  /** Calls back whenever `connected` turned. */
  onTurn(callback: (connected: boolean) => void): void;
}

/** Connects in the background and for ever; two clients live at a time only while one with new credentials takes over. */
export function createBusCourier(settings: NatsSettings, dial: Dial, log: Log): BusCourier {
  return new NatsCourier(settings, dial, log);
}

class NatsCourier implements BusCourier {
  readonly #settings: NatsSettings;
  readonly #dial: Dial;
  readonly #log: Log;
  #jwt: string;
  #connection: NatsConnection | undefined;
  /** Of the connection that stands. */
  #subscriptions: readonly Subscription[] = [];
  #handingOver = false;
  #listener: BusListener | undefined;
  readonly #turned: ((connected: boolean) => void)[] = [];
  #up = false;
  #closing = false;
  #failures = 0;
  #upSinceMs = Number.POSITIVE_INFINITY;
  #wake: (() => void) | undefined;
  readonly #done: Promise<void>;

  constructor(settings: NatsSettings, dial: Dial, log: Log) {
    this.#settings = settings;
    this.#dial = dial;
    this.#log = log;
    this.#jwt = settings.jwt;
    this.#done = this.#supervise();
  }

  get connected(): boolean {
    return this.#up;
  }

  onTurn(callback: (connected: boolean) => void): void {
    this.#turned.push(callback);
  }

  async heartbeat(body: Uint8Array): Promise<string> {
    return (await this.#request(replicaSubjects.heartbeat(this.#settings.replica), body)).string();
  }

  async sync(body: Uint8Array): Promise<Uint8Array> {
    return (await this.#request(replicaSubjects.sync(this.#settings.replica), body)).data;
  }

  async page(sha256: string): Promise<Uint8Array> {
    const body = new TextEncoder().encode(JSON.stringify({ sha256 }));
    return (await this.#request(replicaSubjects.page(this.#settings.replica), body)).data;
  }

  async usage(body: Uint8Array): Promise<Uint8Array> {
    return (await this.#request(replicaSubjects.usage(this.#settings.replica), body)).data;
  }

  async ask(body: Uint8Array): Promise<Uint8Array> {
    return (await this.#request(replicaSubjects.escrow(this.#settings.replica), body)).data;
  }

  async answer(cp: string, id: string, part: Uint8Array): Promise<void> {
    const connection = this.#connected();
    connection.publish(replicaSubjects.answer(this.#settings.replica, cp, id), part);
    await connection.flush();
  }

  listen(on: BusListener): void {
    this.#listener = on;
    if (this.#connection !== undefined) this.#subscriptions = this.#subscribe(this.#connection, on);
  }

  useNatsJwt(jwt: string): void {
    this.#jwt = jwt;
    this.#handOver().catch((error: unknown) => {
      // The old connection stands until its own credentials end; the next one is made with the new ones.
      this.#log.warn({ err: error }, "the bus could not be joined with the new credentials yet");
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    await this.#connection?.close();
    await this.#done;
  }

  #turn(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    for (const callback of this.#turned) callback(up);
  }

  #connected(): NatsConnection {
    if (this.#connection === undefined) throw new Error("the bus is not connected");
    return this.#connection;
  }

  #request(subject: string, body: Uint8Array): Promise<Msg> {
    return this.#connected().request(subject, body, { timeout: REQUEST_TIMEOUT_MS });
  }

  /** Keeps one client alive. A client that gave up (an expired JWT, say) is closed before there is another. */
  async #supervise(): Promise<void> {
    while (!this.#closing) {
      try {
        const connection = await this.#connect();
        if (this.#closing) {
          await connection.close();
          return;
        }
        this.#upSinceMs = performance.now();
        this.#connection = connection;
        this.#subscriptions = this.#listener === undefined ? [] : this.#subscribe(connection, this.#listener);
        this.#log.info({ server: connection.getServer() }, "bus connected");
        void this.#watch(connection);
        // Only once the server has the subscriptions can nothing be lost between the answer and the next push.
        await connection.flush();
        this.#turn(true);
        this.#listener?.poke();
        let standing = connection;
        let error = await this.#untilClosed(standing);
        while (this.#connection !== standing) {
          standing = this.#connection;
          error = await this.#untilClosed(standing);
        }
        if (!this.#closing) this.#log.warn({ err: error ?? undefined }, "bus lost");
      } catch (error) {
        this.#log.warn({ err: error, attempt: this.#failures + 1 }, "bus unreachable");
      }
      this.#connection = undefined;
      this.#turn(false);
      if (!this.#closing) await this.#pause();
    }
  }

  /** While it stands, its silence counts as its loss: what hangs and what comes goes over HTTPS. */
  async #untilClosed(connection: NatsConnection): Promise<unknown> {
    const stop = new AbortController();
    const silent = () => {
      if (!this.#up || this.#connection !== connection) return;
      this.#log.warn({ server: connection.getServer() }, "the bus is silent");
      this.#turn(false);
    };
    const back = () => {
      if (this.#connection !== connection) return;
      this.#turn(true);
      this.#listener?.poke();
    };
    const probing = watchSilence(() => connection.flush(), { silent, back }, stop.signal);
    try {
      return await connection.closed();
    } finally {
      stop.abort();
      await probing;
    }
  }

  /**
   * A server ends a connection with the credentials that it was made with. So a second one is made with the new ones while
   * the first still stands, and the first is closed when whoever asked over it has its answer.
   */
  async #handOver(): Promise<void> {
    const before = this.#connection;
    if (before === undefined || !this.#up || this.#handingOver) return;
    this.#handingOver = true;
    let spare: NatsConnection | undefined;
    try {
      const made = await this.#connect();
      spare = made;
      const own = this.#listener === undefined ? [] : this.#subscribe(made, this.#listener);
      await made.flush();
      // The old one may have ended meanwhile: whoever looks after it makes the next one.
      if (this.#closing || this.#connection !== before) return;
      spare = undefined;
      const old = this.#subscriptions;
      this.#subscriptions = own;
      this.#upSinceMs = performance.now();
      this.#connection = made;
      void this.#watch(made);
      this.#log.info({ server: made.getServer() }, "bus joined with new credentials");
      for (const subscription of old) subscription.unsubscribe();
      setTimeout(() => void before.close(), REQUEST_TIMEOUT_MS);
    } finally {
      this.#handingOver = false;
      await spare?.close();
    }
  }

  #connect(): Promise<NatsConnection> {
    const { urls, replica, seed } = this.#settings;
    return this.#dial({
      servers: [...urls],
      name: replica,
      inboxPrefix: `_INBOX.${replica}`,
      authenticator: jwtAuthenticator(() => this.#jwt, new TextEncoder().encode(seed)),
      pingInterval: PING_MS,
      maxPingOut: 2,
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => this.#waitMs(),
    });
  }

  #subscribe(connection: NatsConnection, listener: BusListener): readonly Subscription[] {
    return subscribeReplica(connection, this.#settings.replica, listener, this.#log);
  }

  /** After a reconnect the wire may have lost changes: a heartbeat asks. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      // Another one has taken over.
      if (this.#connection !== connection) return;
      if (status.type === "reconnect") {
        this.#upSinceMs = performance.now();
        this.#turn(true);
        this.#listener?.poke();
      }
      if (status.type === "disconnect") this.#turn(false);
      if (status.type === "disconnect" && performance.now() - this.#upSinceMs > STABLE_MS) this.#failures = 0;
      if (status.type === "disconnect" || status.type === "reconnect" || status.type === "error") {
        this.#log.info({ status: status.type }, "bus status");
      }
    }
  }

  /** Spread widely, longer after each failure, so that a flapping bus is not stormed. */
  #waitMs(): number {
    const longest = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    return longest * (0.2 + 0.8 * Math.random());
  }

  /** `close` ends it early. */
  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#waitMs());
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

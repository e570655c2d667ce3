/** Connections to one origin: the one that was used last is used next, so that those which are not needed end. */
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { guardedLookup } from "./egress.ts";
import { type Caller, Connection, type Home } from "./upstream-connection.ts";
import type { Ticker } from "./upstream-ticker.ts";

export interface PoolSettings {
  readonly origin: URL;
  /** Judges every address that a name leads to; absent where the address itself was judged. */
  readonly lookup: ReturnType<typeof guardedLookup> | undefined;
  readonly connectTimeoutMs: number;
  readonly ticker: Ticker;
}

const READ_BYTES = 64 * 1024;
/** Every socket reads into this; whoever needs the bytes for longer than the call copies them. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
const KEEP_ALIVE_PROBE_MS = 60_000;

export class Pool implements Home {
  readonly host: string;
  readonly ticker: Ticker;
  readonly #settings: PoolSettings;
  readonly #idle: Connection[] = [];
  /** Of the last handshake, to shorten the next. */
  #session: Buffer | undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.host = settings.origin.host;
    this.ticker = settings.ticker;
  }

  get isEmpty(): boolean {
    return this.#idle.length === 0;
  }

  /** Sends the caller's request on a connection that is free, or on a new one; `taken` is told which, maybe twice. */
  open(caller: Caller, taken: (connection: Connection) => void): void {
    const free = this.#idle.pop();
    if (free !== undefined) {
      taken(free);
      return free.take(caller, () => this.open(caller, taken));
    }
    const connection = new Connection(this, caller, this.#settings.connectTimeoutMs);
    taken(connection);
    const isTls = this.#settings.origin.protocol === "https:";
    connection.useSocket(this.#connect(connection, isTls), isTls ? "secureConnect" : "connect");
  }

  idle(connection: Connection): void {
    this.#idle.push(connection);
  }

  gone(connection: Connection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #connect(connection: Connection, isTls: boolean): Socket {
    const { origin, lookup } = this.#settings;
    const host = origin.hostname.replace(/^\[|\]$/g, "");
    const options = {
      host,
      port: Number(origin.port || (isTls ? 443 : 80)),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
      onread: {
        buffer: readBuffer,
        callback: (length: number) => {
          connection.read(length === READ_BYTES ? readBuffer : readBuffer.subarray(0, length));
          return true;
        },
      },
      ...(lookup === undefined ? {} : { lookup }),
    };
    if (!isTls) return connectPlain(options);
    const socket = connectTls({
      ...options,
      // A name for an address is none (RFC 6066 §3).
      servername: isIP(host) === 0 ? host : "",
      ALPNProtocols: ["http/1.1"],
      ...(this.#session === undefined ? {} : { session: this.#session }),
    });
    socket.on("session", (session: Buffer) => {
      this.#session = session;
    });
    return socket;
  }
}

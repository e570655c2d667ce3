/**
 * One connection to a provider: one request at a time, its answer handed on as it comes. A connection is used again only
 * after an answer that ended exactly where it said, and only when all of the request had been taken.
 */
import type { Socket } from "node:net";
import type { UpstreamFailure, UpstreamRequest } from "../../ports.ts";
import { Together } from "./together.ts";
import { AnswerReader, type AnswerSink } from "./upstream-answer.ts";
import type { AnswerHead } from "./upstream-head.ts";
import { cutBuffer } from "./upstream-slab.ts";
import { TICK_MS, type Ticked, type Ticker } from "./upstream-ticker.ts";

/** The call that a connection works for. */
export interface Caller {
  readonly request: UpstreamRequest;
  /** The head of the request as it is sent. */
  readonly headText: string;
  head(head: AnswerHead): void;
  data(bytes: Buffer): void;
  /** The answer was whole; the connection is the caller's no longer. */
  end(): void;
  failed(why: UpstreamFailure, nothingSent: boolean): void;
}

/** What becomes of connections (`upstream-pool.ts`). */
export interface Home {
  readonly ticker: Ticker;
  /** The connection is whole and waits for another caller; for at most so many milliseconds. */
  idle(connection: Connection): void;
  gone(connection: Connection): void;
}

/** Below the five seconds after which common servers close without a word: a connection that is used again must be alive. */
const IDLE_MS = 4000;
/** However long the provider says that it waits. */
const IDLE_MS_MAX = 60_000;
/** A close that is on its way when the provider's time runs out. */
const IDLE_MARGIN_MS = 1000;
/** Up to here head and body go out as one piece. */
const ONE_PIECE_BYTES_MAX = 8 * 1024;
/** After so long, a connection is looked at before it is used: its end may have come and not been read. */
const DOUBTFUL_MS = 500;

/** Small requests that are ready in the same turn. */
const requests = new Together<Socket, Buffer>(
  (socket, whole) => void (socket.destroyed || socket.write(whole)),
  (flush) => process.nextTick(flush),
);

export class Connection implements AnswerSink, Ticked {
  place = -1;
  #socket: Socket | undefined;
  readonly #home: Home;
  #caller: Caller | undefined;
  #reader: AnswerReader | undefined;
  #phase: "connecting" | "head" | "body" | "idle" | "over" = "connecting";
  #dueMs = Number.POSITIVE_INFINITY;
  #idleSinceMs = 0;
  #mayStay = false;
  #idleMs = IDLE_MS;
  #paused = false;
  /** Of the present request. */
  #nothingSent = true;
  /** Set while it is looked at before the present request is sent. */
  #again: (() => void) | undefined;

  constructor(home: Home, caller: Caller, connectTimeoutMs: number) {
    this.#home = home;
    this.#caller = caller;
    this.#due(caller.request.connectTimeoutMs ?? connectTimeoutMs);
    home.ticker.add(this);
  }

  /** Tells it its socket, once; from then on its events are this connection's. */
  useSocket(socket: Socket, connected: "connect" | "secureConnect"): void {
    this.#socket = socket;
    let error: Error | undefined;
    socket.once(connected, () => this.#send());
    socket.on("error", (first: Error) => {
      error ??= first;
    });
    socket.once("end", () => this.#ended());
    socket.once("close", () => this.fail(failureOf(error)));
  }

  /**
   * Takes another request. One that was idle for long is looked at for a turn: nothing of the request has been sent
   * then, so when the connection turns out to have ended, the request goes to another one (`again`). After that, a
   * request is never sent twice: whether the provider worked on it cannot be told.
   */
  take(caller: Caller, again: () => void): void {
    this.#caller = caller;
    this.#nothingSent = true;
    this.#phase = "head";
    if (this.#home.ticker.nowMs - this.#idleSinceMs < DOUBTFUL_MS) return this.#send();
    this.#again = again;
    // The second turn is behind the poll of the first: what had arrived by now has been read.
    setImmediate(() => {
      setImmediate(() => {
        if (this.#again !== again || this.#is("over")) return;
        this.#again = undefined;
        this.#send();
      });
    });
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#due(this.#caller?.request.idleTimeoutMs ?? IDLE_MS);
    this.#socket?.resume();
  }

  /** Closes it at once; its caller hears nothing more. */
  close(): void {
    this.#caller = undefined;
    this.#again = undefined;
    this.fail("disconnected");
  }

  /** Closes it at once; its caller, if it has one, hears why. */
  fail(why: UpstreamFailure): void {
    if (this.#is("over")) return;
    const wasIdle = this.#is("idle");
    this.#phase = "over";
    this.#home.ticker.remove(this);
    this.#socket?.destroy();
    if (wasIdle) this.#home.gone(this);
    const [caller, again] = [this.#callerNoMore(), this.#again];
    this.#again = undefined;
    if (again === undefined) caller?.failed(why, this.#nothingSent);
    else again();
  }

  /** Ends it because everything ends. */
  end(): void {
    this.#again = undefined;
    this.fail("disconnected");
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#dueMs) this.fail("timeout");
  }

  /** What the socket has read. The bytes are the socket's again after the call. */
  read(bytes: Buffer): void {
    const reader = this.#reader;
    // Nobody asked: an idle connection that speaks is none that could be trusted.
    if (reader === undefined) return this.fail("bad_response");
    const progress = reader.read(copyOf(bytes));
    if (progress === "more" || this.#is("over")) return;
    if (progress === "bad") this.fail("bad_response");
    else this.#done(progress === "done");
  }

  head(head: AnswerHead): void {
    const { request } = this.#caller as Caller;
    this.#phase = "body";
    this.#due(request.firstByteTimeoutMs ?? request.idleTimeoutMs);
    this.#mayStay = head.keepAlive;
    const saidMs = head.keepAliveMsMax;
    if (saidMs !== undefined) this.#idleMs = Math.min(IDLE_MS_MAX, saidMs - IDLE_MARGIN_MS);
    this.#caller?.head(head);
  }

  data(bytes: Buffer): void {
    // Here and not where bytes are read: content that came with the head is the first byte.
    if (!this.#paused) this.#due(this.#caller?.request.idleTimeoutMs ?? IDLE_MS);
    this.#caller?.data(bytes);
  }

  #is(phase: "connecting" | "head" | "body" | "idle" | "over"): boolean {
    return this.#phase === phase;
  }

  #due(inMs: number): void {
    this.#dueMs = this.#home.ticker.nowMs + inMs + TICK_MS;
  }

  #send(): void {
    const [socket, caller] = [this.#socket, this.#caller];
    if (socket === undefined || caller === undefined) return;
    const { request } = caller;
    const { body } = request;
    this.#phase = "head";
    this.#reader = new AnswerReader(this);
    this.#due(request.headersTimeoutMs);
    const head = caller.headText;
    this.#nothingSent = false;
    let size = head.length;
    for (const part of body) size += part.length;
    if (size <= ONE_PIECE_BYTES_MAX) return requests.add(socket, inOnePiece(size, head, body));
    socket.cork();
    socket.write(head, "latin1");
    for (const part of body) socket.write(part);
    socket.uncork();
  }

  #done(nothingBehind: boolean): void {
    const socket = this.#socket as Socket;
    const caller = this.#callerNoMore();
    this.#reader = undefined;
    const mayStay = this.#mayStay && nothingBehind && this.#idleMs > 0 && socket.writableLength === 0;
    if (mayStay) {
      this.#phase = "idle";
      this.#idleSinceMs = this.#home.ticker.nowMs;
      this.#due(this.#idleMs);
      if (this.#paused) socket.resume();
      this.#paused = false;
      this.#home.idle(this);
    } else this.close();
    caller?.end();
  }

  #ended(): void {
    if (this.#reader?.isWholeAtEnd() === true) this.#done(false);
    else this.fail("disconnected");
  }

  #callerNoMore(): Caller | undefined {
    const caller = this.#caller;
    this.#caller = undefined;
    return caller;
  }
}

function inOnePiece(size: number, head: string, body: readonly Uint8Array[]): Buffer {
  const whole = cutBuffer(size);
  let at = whole.write(head, 0, "latin1");
  for (const part of body) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function copyOf(bytes: Buffer): Buffer {
  const copy = cutBuffer(bytes.length);
  copy.set(bytes);
  return copy;
}

function failureOf(error: Error | undefined): UpstreamFailure {
  const code = error !== undefined && "code" in error ? String(error.code) : "";
  if (code === "EGRESS_BLOCKED") return "blocked";
  return code === "ETIMEDOUT" ? "timeout" : "disconnected";
}

/** One request on Node: the socket's two sides behind the core's ports. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, BodyRead, Exchange } from "../../ports.ts";
import { Together } from "./together.ts";
import { TICK_MS, type Ticked, Ticker } from "./upstream-ticker.ts";

/** Binds a request and its response; costs two objects and no listener until one is asked for. */
export function nodeExchange(incoming: IncomingMessage, outgoing: ServerResponse): Exchange {
  return {
    method: incoming.method ?? "GET",
    target: incoming.url ?? "/",
    peer: incoming.socket.remoteAddress ?? "",
    header(name) {
      const value = incoming.headers[name];
      return typeof value === "string" || value === undefined ? value : value.join(", ");
    },
    readBody: (limits) => readBody(incoming, limits),
    answer: new NodeAnswer(outgoing),
  };
}

/** Up to here copying an answer costs less than a write of two pieces. */
const ONE_PIECE_BYTES_MAX = 8 * 1024;

/** Ends of answers of one turn. */
const ends = new Together<ServerResponse, Uint8Array | undefined>(
  (outgoing, bytes) => {
    if (bytes === undefined) outgoing.end();
    else if (bytes.length > ONE_PIECE_BYTES_MAX || outgoing.writableLength > 0) outgoing.end(bytes);
    // As text, one byte a character, Node joins it to the head: one piece costs less than two to write.
    else outgoing.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"), "latin1");
  },
  (flush) => setImmediate(flush),
);

class NodeAnswer implements Answer {
  readonly #outgoing: ServerResponse;
  /** Something has gone out, and the head with it. */
  #written = false;

  constructor(outgoing: ServerResponse) {
    this.#outgoing = outgoing;
  }

  get begun(): boolean {
    return this.#outgoing.headersSent;
  }

  head(status: number, headers: readonly string[], flush = false): void {
    if (this.#outgoing.headersSent) return;
    this.#outgoing.writeHead(status, headers as string[]);
    // What came with the provider's head goes out with ours: one piece and one wake of the caller instead of two.
    if (flush) process.nextTick(() => this.#flush());
  }

  #flush(): void {
    if (!this.#written && !this.#outgoing.destroyed) this.#outgoing.flushHeaders();
  }

  write(bytes: Uint8Array): boolean {
    this.#written = true;
    return this.#outgoing.destroyed || this.#outgoing.write(bytes);
  }

  end(bytes?: Uint8Array): void {
    this.#written = true;
    ends.add(this.#outgoing, bytes);
  }

  cut(): void {
    this.#outgoing.destroy();
  }

  onDrained(then: () => void): void {
    this.#outgoing.on("drain", then);
  }

  onGone(then: () => void): void {
    const outgoing = this.#outgoing;
    // A write after the caller has left is not an error of ours; `close` tells it.
    outgoing.on("error", ignore);
    if (outgoing.destroyed || outgoing.closed) then();
    else {
      outgoing.once("close", () => {
        if (!outgoing.writableFinished) then();
      });
    }
  }
}

function ignore(): void {}

type Limits = Parameters<Exchange["readBody"]>[0];

/** Bodies that are being read, and until when. */
const readings = new Ticker();

function readBody(incoming: IncomingMessage, limits: Limits): Promise<BodyRead> {
  return new Promise((resolve) => new Reading(incoming, limits, resolve));
}

/** One body on its way in: one object that listens, whatever pieces the body comes in. */
class Reading implements Ticked {
  place = -1;
  readonly #incoming: IncomingMessage;
  readonly #bytesMax: number;
  readonly #dueMs: number;
  readonly #resolve: (read: BodyRead) => void;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #over = false;

  constructor(incoming: IncomingMessage, { bytesMax, timeoutMs }: Limits, resolve: (read: BodyRead) => void) {
    this.#incoming = incoming;
    this.#bytesMax = bytesMax;
    this.#resolve = resolve;
    readings.add(this);
    this.#dueMs = readings.nowMs + timeoutMs + TICK_MS;
    incoming
      .on("data", (chunk: Buffer) => this.#take(chunk))
      .on("end", () => this.#whole())
      .on("close", () => this.end())
      .on("error", ignore);
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#dueMs) this.#finish({ ok: false, why: "timeout" });
  }

  end(): void {
    this.#finish({ ok: false, why: "gone" });
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.#size += chunk.length;
    if (this.#size <= this.#bytesMax) this.#chunks.push(chunk);
    else {
      this.#incoming.pause();
      this.#finish({ ok: false, why: "too_large" });
    }
  }

  #whole(): void {
    if (!this.#over) this.#finish({ ok: true, bytes: joined(this.#chunks, this.#size) });
  }

  #finish(read: BodyRead): void {
    if (this.#over) return;
    this.#over = true;
    readings.remove(this);
    // The request stays for as long as its answer takes.
    this.#chunks.length = 0;
    this.#resolve(read);
  }
}

/** One piece; those that were joined are given back at once and not when a collection finds them. */
function joined(chunks: readonly Buffer[], size: number): Buffer {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return first;
  const whole = Buffer.concat(chunks, size);
  for (const { buffer, length } of chunks) {
    // One that shares its memory with others is theirs too.
    if (buffer.byteLength === length && buffer instanceof ArrayBuffer) buffer.transfer(0);
  }
  return whole;
}

/** One request on Node: the socket's two sides behind the core's ports. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, BodyRead, Exchange } from "../../ports.ts";
import { Together } from "./together.ts";

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

/** Ends of answers of one turn. */
const ends = new Together<ServerResponse, Uint8Array | undefined>(
  (outgoing, bytes) => {
    if (bytes === undefined) outgoing.end();
    else outgoing.end(bytes);
  },
  (flush) => setImmediate(flush),
);

class NodeAnswer implements Answer {
  readonly #outgoing: ServerResponse;

  constructor(outgoing: ServerResponse) {
    this.#outgoing = outgoing;
  }

  get begun(): boolean {
    return this.#outgoing.headersSent;
  }

  head(status: number, headers: readonly string[], flush = false): void {
    if (this.#outgoing.headersSent) return;
    this.#outgoing.writeHead(status, headers as string[]);
    if (flush) this.#outgoing.flushHeaders();
  }

  write(bytes: Uint8Array): boolean {
    return this.#outgoing.destroyed || this.#outgoing.write(bytes);
  }

  end(bytes?: Uint8Array): void {
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

function readBody(incoming: IncomingMessage, { bytesMax, timeoutMs }: Limits): Promise<BodyRead> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => finish({ ok: false, why: "timeout" }), timeoutMs);
    const finish = (read: BodyRead) => {
      clearTimeout(timer);
      incoming.off("data", onData).off("end", onEnd).off("close", onClose);
      resolve(read);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > bytesMax) {
        incoming.pause();
        finish({ ok: false, why: "too_large" });
      } else {
        chunks.push(chunk);
      }
    };
    const onEnd = () => finish({ ok: true, bytes: joined(chunks, size) });
    const onClose = () => finish({ ok: false, why: "gone" });
    incoming.on("data", onData).on("end", onEnd).on("close", onClose);
    incoming.on("error", ignore);
  });
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

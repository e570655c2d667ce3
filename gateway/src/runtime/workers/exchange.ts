/** One request on workerd behind the core's ports: a `Request` in, a `Response` out as soon as there is a head. */
import { joined } from "../../joined.ts";
import type { Answer, BodyRead, Exchange } from "../../ports.ts";

/** What may lie in memory before the provider is held back, in bytes. */
const BUFFERED_MAX = 64 * 1024;
/** An answer of known length up to this goes out as one piece. */
const PIECE_MAX = 1 << 20;

export interface WorkersExchange extends Exchange {
  /** Resolves when the answer has begun. */
  readonly response: Promise<Response>;
}

export function workersExchange(request: Request, peer: string): WorkersExchange {
  const answer = new WorkersAnswer(request);
  return {
    method: request.method,
    target: targetOf(request.url),
    peer,
    header: (name) => request.headers.get(name) ?? undefined,
    readBody: (limits) => readBody(request, limits),
    answer,
    response: answer.response,
  };
}

/** Path and query of an absolute URL. */
function targetOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return start < 0 ? "/" : url.slice(start);
}

class WorkersAnswer implements Answer {
  begun = false;
  readonly response: Promise<Response>;
  readonly #resolve: (response: Response) => void;
  #status = 200;
  #headers = new Headers();
  #length: number | undefined;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #over = false;
  #drained: () => void = () => undefined;
  #gone: (() => void)[] = [];

  constructor(request: Request) {
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#resolve = resolve;
    request.signal.addEventListener("abort", () => this.#left());
  }

  head(status: number, flat: readonly string[], flush = false): void {
    if (this.begun) return;
    this.begun = true;
    this.#status = status;
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const [name, value] = [flat[i] as string, flat[i + 1] as string];
      if (name === "content-length") this.#length = Number(value);
      this.#headers.append(name, value);
    }
    if (flush) this.#stream();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over) return true;
    if (this.#controller === undefined && this.#length !== undefined && this.#length <= PIECE_MAX) {
      this.#gathered.push(bytes);
      this.#gatheredBytes += bytes.length;
      return true;
    }
    const controller = this.#stream();
    controller.enqueue(bytes);
    return (controller.desiredSize ?? 1) > 0;
  }

  end(bytes?: Uint8Array): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#controller === undefined) {
      if (bytes !== undefined) this.#gathered.push(bytes);
      const size = this.#gatheredBytes + (bytes?.length ?? 0);
      const body = isBodiless(this.#status) ? null : (joined(this.#gathered, size) as BodyInit);
      this.#resolve(new Response(body, { status: this.#status, headers: this.#headers }));
      return;
    }
    if (bytes !== undefined) this.#controller.enqueue(bytes);
    this.#controller.close();
  }

  cut(): void {
    if (this.#over) return;
    const controller = this.#stream();
    this.#over = true;
    controller.error(new Error("the answer was broken off"));
  }

  onDrained(then: () => void): void {
    this.#drained = then;
  }

  onGone(then: () => void): void {
    if (this.#over && !this.begun) then();
    else this.#gone.push(then);
  }

  #left(): void {
    if (this.#over) return;
    this.#over = true;
    for (const then of this.#gone) then();
  }

  /** From now on bytes go out as they come. */
  #stream(): ReadableStreamDefaultController<Uint8Array> {
    if (this.#controller !== undefined) return this.#controller;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#drained(),
        cancel: () => this.#left(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: BUFFERED_MAX }),
    );
    const controller = this.#controller as ReadableStreamDefaultController<Uint8Array> | undefined;
    if (controller === undefined) throw new Error("a stream starts at once");
    for (const each of this.#gathered) controller.enqueue(each);
    this.#gathered = [];
    this.#resolve(new Response(body, { status: this.#status, headers: this.#headers }));
    return controller;
  }
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

type Limits = Parameters<Exchange["readBody"]>[0];

async function readBody(request: Request, { bytesMax, timeoutMs }: Limits): Promise<BodyRead> {
  if (request.body === null) return { ok: true, bytes: new Uint8Array() };
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let late: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<"timeout">((resolve) => {
    late = setTimeout(() => resolve("timeout"), timeoutMs);
  });
  const refuse = (why: "too_large" | "timeout" | "gone"): BodyRead => {
    reader.cancel().catch(() => undefined);
    return { ok: false, why };
  };
  try {
    for (;;) {
      const read = await Promise.race([reader.read(), timeout]);
      if (read === "timeout") return refuse("timeout");
      if (read.done) return { ok: true, bytes: joined(chunks, size) };
      size += read.value.length;
      if (size > bytesMax) return refuse("too_large");
      chunks.push(read.value);
    }
  } catch {
    return refuse("gone");
  } finally {
    clearTimeout(late);
  }
}

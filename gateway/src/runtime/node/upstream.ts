/**
 * The way to providers on Node: undici's dispatcher, bytes handed on as they come. Redirects are not followed, HTTP/2
 * is not negotiated, and every connection is made through the egress guard.
 */

import type { EgressAllow, EgressMode } from "@claviger/shared/decide/egress";
import type { Dispatcher } from "undici";
import { Agent } from "undici";
import type {
  Upstream,
  UpstreamCall,
  UpstreamFailure,
  UpstreamListener,
  UpstreamRequest,
} from "../../ports.ts";
import { Decoding, decoderFor, headOfDecoded } from "./decode.ts";
import { egressMode, guardedLookup } from "./egress.ts";

export interface UpstreamSettings {
  readonly egressAllow: EgressAllow;
  readonly connectTimeoutMs: number;
}

const ORIGINS_REMEMBERED_MAX = 10_000;

export function createUpstream(settings: UpstreamSettings): Upstream {
  const agent = (lookup?: ReturnType<typeof guardedLookup>) =>
    new Agent({
      allowH2: false,
      pipelining: 1,
      // Below the five seconds after which common servers close without a word: a reused socket must be alive.
      keepAliveTimeout: 4000,
      connect: { timeout: settings.connectTimeoutMs, ...(lookup === undefined ? {} : { lookup }) },
    });
  const agents = {
    open: agent(),
    public: agent(guardedLookup(settings.egressAllow, "public")),
    listed: agent(guardedLookup(settings.egressAllow, "listed")),
  };
  const modes = new Map<string, EgressMode>();
  const modeOf = (origin: string): EgressMode => {
    let mode = modes.get(origin);
    if (mode === undefined) {
      mode = egressMode(settings.egressAllow, origin);
      if (modes.size >= ORIGINS_REMEMBERED_MAX) modes.clear();
      modes.set(origin, mode);
    }
    return mode;
  };
  return {
    open(request, listener) {
      const call = new Call(listener);
      const mode = modeOf(request.origin);
      if (mode === "blocked") queueMicrotask(() => call.fail("blocked"));
      else dispatch(agents[mode], request, call);
      return call;
    },
    async close() {
      await Promise.all(Object.values(agents).map((each) => each.destroy()));
    },
  };
}

function dispatch(agent: Agent, request: UpstreamRequest, call: Call): void {
  try {
    agent.dispatch(
      {
        origin: request.origin,
        path: request.path,
        method: request.method,
        headers: request.headers,
        body: request.body,
        headersTimeout: request.headersTimeoutMs,
        bodyTimeout: request.idleTimeoutMs,
      },
      call,
    );
  } catch (error) {
    queueMicrotask(() => call.fail(failureOf(error)));
  }
}

/** One upstream call: undici's handler and our handle on it in one object. */
class Call implements UpstreamCall, Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  readonly #listener: UpstreamListener;
  #decoding: Decoding | undefined;
  #over = false;

  constructor(listener: UpstreamListener) {
    this.#listener = listener;
  }

  pause(): void {
    if (this.#decoding === undefined) this.#controller?.pause();
    else this.#decoding.pause();
  }

  resume(): void {
    if (this.#decoding === undefined) this.#controller?.resume();
    else this.#decoding.resume();
  }

  close(): void {
    this.#over = true;
    this.#decoding?.close();
    this.#controller?.abort(CLOSED);
  }

  fail(why: UpstreamFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#decoding?.close();
    this.#listener.failed(why);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(CLOSED);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over || status < 200) return;
    const flat = flatHeaders(controller.rawHeaders ?? []);
    const decoder = decoderFor(flat);
    if (decoder === undefined) return this.#listener.head(status, flat);
    this.#decoding = new Decoding(decoder, controller, {
      data: (bytes) => this.#data(bytes),
      end: () => this.#end(),
      failed: (why) => {
        this.fail(why);
        controller.abort(CLOSED);
      },
    });
    this.#listener.head(status, headOfDecoded(flat));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#decoding === undefined) this.#data(chunk);
    else if (!this.#over) this.#decoding.write(chunk);
  }

  onResponseEnd(): void {
    if (this.#decoding === undefined) this.#end();
    else this.#decoding.end();
  }

  #data(bytes: Uint8Array): void {
    if (!this.#over) this.#listener.data(bytes);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(failureOf(error));
  }
}

const CLOSED = new Error("closed by the gateway");

type RawHeaders = NonNullable<Dispatcher.DispatchController["rawHeaders"]>;

function flatHeaders(raw: RawHeaders): string[] {
  const flat: string[] = [];
  if (!Array.isArray(raw)) {
    for (const [name, value] of Object.entries(raw)) flat.push(name.toLowerCase(), String(value));
    return flat;
  }
  for (let i = 0; i + 1 < raw.length; i += 2) {
    flat.push(latin1(raw[i]).toLowerCase(), latin1(raw[i + 1]));
  }
  return flat;
}

function latin1(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString("latin1") : String(value);
}

const TIMEOUTS = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CONNECT_TIMEOUT"]);
const GARBAGE = new Set([
  "UND_ERR_RESPONSE_EXCEEDED_SIZE",
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);

function failureOf(error: unknown): UpstreamFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "EGRESS_BLOCKED") return "blocked";
  if (TIMEOUTS.has(code) || code === "ETIMEDOUT") return "timeout";
  if (GARBAGE.has(code) || (error instanceof Error && error.name === "HTTPParserError"))
    return "bad_response";
  return "disconnected";
}

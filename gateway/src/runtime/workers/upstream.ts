/**
 * The way to providers on Workers: `fetch`, bytes handed on as they come. Redirects are not followed. There is no hook
 * where a name is resolved, so names and literal addresses are judged and the platform's own lack of private networks
 * stands for the rest. A connection that could not be made cannot be told from one that broke: both may cost something.
 */
import { type EgressAllow, egressModeOf } from "@claviger/shared/decide/egress";
import { joined } from "../../joined.ts";
import type { Upstream, UpstreamCall, UpstreamListener, UpstreamRequest } from "../../ports.ts";

/** What the platform takes off before we see it. */
const DECODED = new Set(["gzip", "x-gzip", "br"]);

export function createUpstream(allow: EgressAllow): Upstream {
  return {
    open(request, listener) {
      const call = new Call(request, listener);
      if (egressModeOf(allow, new URL(request.origin)) === "blocked") {
        queueMicrotask(() => call.failed("blocked", true));
      } else {
        void call.run();
      }
      return call;
    },
    close: async () => undefined,
  };
}

class Call implements UpstreamCall {
  readonly #request: UpstreamRequest;
  readonly #listener: UpstreamListener;
  readonly #ending = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #paused: { readonly promise: Promise<void>; resolve(): void } | undefined;
  #over = false;

  constructor(request: UpstreamRequest, listener: UpstreamListener) {
    this.#request = request;
    this.#listener = listener;
  }

  async run(): Promise<void> {
    const { headersTimeoutMs, idleTimeoutMs, firstByteTimeoutMs = idleTimeoutMs } = this.#request;
    try {
      this.#limit(headersTimeoutMs);
      const response = await this.#fetch();
      if (this.#over) return;
      this.#listener.head(response.status, headOf(response));
      if (response.body === null) return this.#end();
      const reader = response.body.getReader();
      for (let waitMs = firstByteTimeoutMs; !this.#over; waitMs = idleTimeoutMs) {
        if (this.#paused !== undefined) {
          clearTimeout(this.#timer);
          await this.#paused.promise;
          if (this.#over) return;
        }
        this.#limit(waitMs);
        const { done, value } = await reader.read();
        if (this.#over) return;
        if (done) return this.#end();
        this.#listener.data(value);
      }
    } catch {
      this.failed("disconnected", false);
    }
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  close(): void {
    this.#finish();
  }

  failed(why: Parameters<UpstreamListener["failed"]>[0], nothingSent: boolean): void {
    if (this.#over) return;
    this.#finish();
    this.#listener.failed(why, nothingSent);
  }

  #fetch(): Promise<Response> {
    const { origin, path, method, headers: flat, body } = this.#request;
    const headers = new Headers();
    for (let i = 0; i + 1 < flat.length; i += 2) headers.append(flat[i] as string, flat[i + 1] as string);
    const length = body.reduce((sum, part) => sum + part.length, 0);
    return fetch(`${origin}${path}`, {
      method,
      headers,
      ...(body.length === 0 ? {} : { body: joined(body, length) as BodyInit }),
      redirect: "manual",
      signal: this.#ending.signal,
    });
  }

  #limit(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.failed("timeout", false), ms);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#listener.end();
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#ending.abort();
    this.resume();
  }
}

/** Names in lower case, flat; of content that was decoded neither its coding nor its length. */
function headOf(response: Response): string[] {
  const decoded = DECODED.has((response.headers.get("content-encoding") ?? "").trim().toLowerCase());
  const flat: string[] = [];
  for (const [name, value] of response.headers) {
    if (decoded && (name === "content-encoding" || name === "content-length")) continue;
    flat.push(name, value);
  }
  return flat;
}

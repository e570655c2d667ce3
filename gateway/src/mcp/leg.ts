/**
 * One HTTP exchange with an MCP server, as the messages it consists of. Its head is built from nothing: no header, cookie
 * or query of a caller is in it. It goes through the egress guard, redirects are not followed, and what is neither JSON nor
 * an event stream is no answer.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { McpServerRecord } from "@claviger/shared/wire/record";
import { joined } from "../joined.ts";
import type { Upstream, UpstreamCall, UpstreamFailure } from "../ports.ts";
import { type JsonObject, readServerMessage } from "./json-rpc.ts";
import { type SseEvent, SseReader } from "./sse.ts";

export interface LegRequest {
  readonly server: McpServerRecord;
  /** What the server wants to see of the organization, by lower-case names. */
  readonly credential: Readonly<Record<string, string>>;
  readonly method: "GET" | "POST" | "DELETE";
  readonly body?: Uint8Array | undefined;
  readonly session?: string | undefined;
  readonly protocolVersion?: string | undefined;
  readonly lastEventId?: string | undefined;
  /** From 2026-07-28 on the head says what the body asks for. */
  readonly says?: { readonly method: string; readonly name: string | undefined } | undefined;
}

export interface LegHead {
  readonly status: number;
  readonly form: "json" | "stream" | "nothing";
  /** Of a session that the server has begun. */
  readonly session: string | undefined;
}

/** `head` comes first and once unless it fails before; then messages; then exactly one of `end` and `failed`. */
export interface LegListener {
  head(head: LegHead): void;
  /** `event` has the same message as text. */
  message(message: JsonObject, event: SseEvent): void;
  /** An event without a message. */
  sign(event: SseEvent): void;
  end(): void;
  failed(refusal: Refusal): void;
}

export interface LegLimits {
  readonly headersTimeoutMs: number;
  readonly streamMsMax: number;
  readonly answerBytesMax: number;
  readonly streamBytesMax: number;
}

const FAILURES = {
  blocked: refuse("upstream_blocked"),
  timeout: refuse("provider_timeout"),
  disconnected: refuse("provider_disconnected"),
  bad_response: refuse("provider_bad_response"),
} as const satisfies Record<UpstreamFailure, Refusal>;
const BAD = FAILURES.bad_response;
const SESSION = /^[\x21-\x7e]{1,1024}$/;

/** Opens it in this turn. Nothing is told after `close`. */
export function openLeg(
  upstream: Upstream,
  request: LegRequest,
  limits: LegLimits,
  listener: LegListener,
): UpstreamCall {
  const url = new URL(request.server.url);
  const reading = new Reading(request, limits, listener);
  const call = upstream.open(
    {
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method,
      headers: headOf(request),
      body: request.body === undefined ? [] : [request.body],
      headersTimeoutMs: limits.headersTimeoutMs,
      // A stream says nothing for as long as nothing happens.
      firstByteTimeoutMs: limits.streamMsMax,
      idleTimeoutMs: limits.streamMsMax,
    },
    reading,
  );
  reading.call = call;
  return {
    pause: () => call.pause(),
    resume: () => call.resume(),
    close() {
      reading.over = true;
      call.close();
    },
  };
}

/** Names that a credential of an administrator may not take: they are the exchange's own. */
const OWN_NAMES = new Set([
  ...["accept", "accept-encoding", "connection", "content-length", "content-type", "host", "last-event-id"],
  ...["mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id", "transfer-encoding", "upgrade"],
]);

function headOf(request: LegRequest): string[] {
  const { method, says } = request;
  const head = ["accept-encoding", "identity", "user-agent", "claviger"];
  head.push("accept", method === "GET" ? "text/event-stream" : "application/json, text/event-stream");
  if (method === "POST") head.push("content-type", "application/json");
  for (const [name, value] of Object.entries(request.credential)) {
    if (!OWN_NAMES.has(name.toLowerCase())) head.push(name, value);
  }
  const optional: [string, string | undefined][] = [
    ["mcp-session-id", request.session],
    ["mcp-protocol-version", request.protocolVersion],
    ["last-event-id", request.lastEventId],
    ["mcp-method", says?.method],
    ["mcp-name", says?.name === undefined ? undefined : encodeName(says.name)],
  ];
  for (const [name, value] of optional) if (value !== undefined) head.push(name, value);
  return head;
}

/** As the specification of 2026-07-28 has it: plain where it is visible ASCII, else in base64. */
function encodeName(name: string): string {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name) && !/^=\?base64\?.*\?=$/.test(name);
  if (isPlain) return name;
  let text = "";
  for (const byte of new TextEncoder().encode(name)) text += String.fromCharCode(byte);
  return `=?base64?${btoa(text)}?=`;
}

class Reading {
  over = false;
  call: UpstreamCall | undefined;
  readonly #request: LegRequest;
  readonly #limits: LegLimits;
  readonly #listener: LegListener;
  readonly #sse: SseReader;
  #form: LegHead["form"] | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(request: LegRequest, limits: LegLimits, listener: LegListener) {
    this.#request = request;
    this.#limits = limits;
    this.#listener = listener;
    this.#sse = new SseReader(limits.answerBytesMax, (event) => this.#event(event));
  }

  head(status: number, flat: readonly string[]): void {
    if (this.over) return;
    const type = (fieldOf(flat, "content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
    const refusal = refusalOf(status, this.#request, type === "application/json");
    if (refusal !== undefined) return this.#fail(refusal);
    const session = fieldOf(flat, "mcp-session-id");
    if (session !== undefined && !SESSION.test(session)) return this.#fail(BAD);
    const form = formOf(status, type, this.#request.method);
    if (form === undefined) return this.#fail(BAD);
    this.#form = form;
    this.#listener.head({ status, form, session });
  }

  data(bytes: Uint8Array): void {
    if (this.over || this.#form === "nothing") return;
    this.#bytes += bytes.length;
    const isStream = this.#form === "stream";
    if (this.#bytes > (isStream ? this.#limits.streamBytesMax : this.#limits.answerBytesMax)) {
      return this.#fail(refuse("provider_response_too_large"));
    }
    // What was handed in may be used again once this returns.
    if (!isStream) this.#chunks.push(bytes.slice());
    else if (!this.#sse.push(bytes)) this.#fail(refuse("provider_response_too_large"));
  }

  end(): void {
    if (this.over) return;
    if (this.#form === "json") {
      const text = new TextDecoder().decode(joined(this.#chunks, this.#bytes));
      const message = readServerMessage(text);
      if (message === undefined) return this.#fail(BAD);
      this.#listener.message(message, { data: text });
    }
    this.over = true;
    this.#listener.end();
  }

  failed(why: UpstreamFailure): void {
    if (!this.over) this.#fail(FAILURES[why]);
  }

  #event(event: SseEvent): void {
    if (this.over) return;
    if (event.data === "") return this.#listener.sign(event);
    const message = readServerMessage(event.data);
    if (message === undefined) this.#fail(BAD);
    else this.#listener.message(message, event);
  }

  #fail(refusal: Refusal): void {
    this.over = true;
    this.call?.close();
    this.#listener.failed(refusal);
  }
}

function fieldOf(flat: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < flat.length; i += 2) if (flat[i] === name) return flat[i + 1];
  return undefined;
}

function refusalOf(status: number, { session, method }: LegRequest, isJson: boolean): Refusal | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400) return refuse("upstream_blocked");
  if (status === 401 || status === 403) return refuse("provider_auth_failed");
  if (status === 404 && session !== undefined) return refuse("session_not_found");
  if (status === 405 && method !== "POST") return refuse("method_not_allowed", { allow: ["POST"] });
  if (status === 429) return refuse("provider_rate_limited");
  // The server's own words about the message.
  return status < 500 && isJson ? undefined : refuse("provider_error");
}

function formOf(status: number, type: string | undefined, method: string): LegHead["form"] | undefined {
  if (status === 202 || status === 204 || method === "DELETE") return "nothing";
  if (type === "text/event-stream") return "stream";
  return type === "application/json" && method === "POST" ? "json" : undefined;
}

/** One request from its head to its bill: credential, steering, dialect, answer, ledger entry. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type AnswerContext,
  type Ask,
  type Fault,
  type Frame,
  invalid,
  isFault,
  type Reply,
} from "./dialect.ts";
import type { LedgerEntry } from "./ledger.ts";
import { nanosOf } from "./prices.ts";
import { replyTo } from "./reply.ts";
import { findRoute, type Route, vendorOf } from "./routes.ts";
import { pause, type Sent, sendFrames } from "./send.ts";
import { readSteering, type Steering } from "./steering.ts";
import { cutIntoPieces } from "./text.ts";
import { faultBody, modelList, steeredFault, type Vendor } from "./vendor.ts";

export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly requestId: string;
  /** Null when it was too long or never came to its end. */
  readonly body: Buffer | null;
  readonly startedAtMs: number;
  /** Aborted when the client left before the answer's end. */
  readonly gone: AbortSignal;
}

/** Where a steered 3xx points: what no gateway may follow. */
const METADATA_URL = "http://169.254.169.254/latest/meta-data/";

function credentialOf(call: Call): string {
  const { headers } = call.request;
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
  const named = headers["x-api-key"] ?? headers["x-goog-api-key"] ?? headers["api-key"];
  return bearer ?? (typeof named === "string" ? named : (call.url.searchParams.get("key") ?? ""));
}

function headersOf(call: Call, vendor: Vendor): Record<string, string> {
  return vendor === "anthropic"
    ? { "request-id": call.requestId, "anthropic-organization-id": "org-sandbox" }
    : { "x-request-id": call.requestId };
}

function sendJson(
  call: Call,
  vendor: Vendor,
  status: number,
  value: unknown,
  extra: Record<string, string> = {},
): null {
  const body = Buffer.from(JSON.stringify(value));
  const type = { "content-type": "application/json", "content-length": String(body.length) };
  if (!call.gone.aborted)
    call.response.writeHead(status, { ...headersOf(call, vendor), ...type, ...extra }).end(body);
  return null;
}

function refuse(call: Call, vendor: Vendor, fault: Fault): null {
  const retry: Record<string, string> =
    fault.status === 429 || fault.status === 503 ? { "retry-after": "1" } : {};
  const redirect: Record<string, string> = fault.status < 400 ? { location: METADATA_URL } : {};
  return sendJson(call, vendor, fault.status, faultBody(vendor, fault, call.requestId), {
    ...retry,
    ...redirect,
  });
}

/** Answers the call and returns what it costs; null when nothing is billed. */
export async function answerCall(call: Call): Promise<LedgerEntry | null> {
  const vendor = vendorOf(call.url.pathname, call.request.headers);
  const credential = credentialOf(call);
  if (credential === "" || credential.startsWith("bad")) {
    return refuse(call, vendor, {
      status: 401,
      kind: "authentication",
      message: "Incorrect API key provided.",
    });
  }
  const header = call.request.headers["x-sandbox"];
  const steering = readSteering(Array.isArray(header) ? header.join(",") : header);
  if ("wrong" in steering) return refuse(call, vendor, invalid(steering.wrong));
  await pause(steering.latencyMs ?? 0, call.gone);
  if (steering.status !== undefined) return refuse(call, vendor, steeredFault(steering.status));
  if (call.request.method === "GET" && /^\/v1(beta)?\/models$/.test(call.url.pathname)) {
    return sendJson(call, vendor, 200, modelList(vendor));
  }
  const route = call.request.method === "POST" ? findRoute(call.url.pathname, call.url.searchParams) : null;
  if (route === null) {
    const message = `Invalid URL (${call.request.method} ${call.url.pathname})`;
    return refuse(call, vendor, { status: 404, kind: "not_found", message });
  }
  return answerRoute(call, route, steering);
}

async function answerRoute(call: Call, route: Route, steering: Steering): Promise<LedgerEntry | null> {
  const ask = await readAsk(call, route);
  if (isFault(ask)) return refuse(call, route.vendor, ask);
  const context: AnswerContext = {
    id: randomUUID().replaceAll("-", "").slice(0, 24),
    createdAtS: Math.floor(call.startedAtMs / 1_000),
    steering,
  };
  const reply = replyTo(ask, steering);
  const sent = await sendAnswer(call, route, ask, reply, context);
  return route.billed ? bill(call, ask, reply, sent, steering) : null;
}

async function readAsk(call: Call, route: Route): Promise<Ask | Fault> {
  if (call.body === null) return { status: 413, kind: "invalid", message: "Request body too large." };
  if (route.form === true) {
    const form = await readForm(call.request.headers["content-type"] ?? "", call.body);
    return form === null ? invalid("The form cannot be read.") : route.dialect.read(form, route.path);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(call.body.toString("utf8"));
  } catch {
    return invalid("We could not parse the JSON body of your request.");
  }
  return route.dialect.read(parsed, route.path);
}

/** A form's fields by name, the last of several; null when it is none. */
async function readForm(contentType: string, body: Buffer): Promise<Record<string, unknown> | null> {
  try {
    const form = await new Response(new Uint8Array(body), {
      headers: { "content-type": contentType },
    }).formData();
    return Object.fromEntries(form);
  } catch {
    // undici says no more than that it could not be parsed.
    return null;
  }
}

interface SentOf extends Sent {
  readonly piecesAll: number;
}

async function sendAnswer(
  call: Call,
  route: Route,
  ask: Ask,
  reply: Reply,
  context: AnswerContext,
): Promise<SentOf> {
  const { steering } = context;
  const plain = steering.splitBytes === undefined && steering.encoding === undefined;
  const pieces = steering.chunks ?? (steering.failAfterChunks ?? 0) + 1;
  if (call.gone.aborted) return { pieces: 0, piecesAll: 1, aborted: true };
  const raw = ask.stream ? null : (route.dialect.raw?.(ask, reply) ?? null);
  if (raw !== null) {
    const about = { "content-type": raw.type, "content-length": String(raw.body.length) };
    call.response.writeHead(200, { ...headersOf(call, route.vendor), ...about }).end(raw.body);
    return { pieces: 1, piecesAll: 1, aborted: false };
  }
  if (!ask.stream && plain && pieces === 1 && steering.failAfterChunks === undefined) {
    sendJson(call, route.vendor, 200, route.dialect.whole(ask, reply, context));
    return { pieces: 1, piecesAll: 1, aborted: false };
  }
  const frames = ask.stream
    ? [...route.dialect.frames(ask, reply, context)]
    : wholeFrames(JSON.stringify(route.dialect.whole(ask, reply, context)), pieces);
  const type =
    ask.stream && !("sse" in ask && ask.sse === false) ? route.dialect.streamType : "application/json";
  const coding: Record<string, string> =
    steering.encoding === undefined ? {} : { "content-encoding": steering.encoding };
  const cache: Record<string, string> = ask.stream ? { "cache-control": "no-cache" } : {};
  call.response.writeHead(200, {
    ...headersOf(call, route.vendor),
    "content-type": type,
    ...cache,
    ...coding,
  });
  call.response.flushHeaders();
  const sent = await sendFrames(call.response, frames, steering, call.gone);
  return { ...sent, piecesAll: frames.filter((frame) => frame.content).length };
}

function wholeFrames(body: string, pieces: number): Frame[] {
  return cutIntoPieces(body, pieces).map((data) => ({ data, content: true }));
}

function bill(call: Call, ask: Ask, reply: Reply, sent: SentOf, steering: Steering): LedgerEntry {
  const all = sent.aborted && steering.keepBillingAfterAbort === true;
  const part = all ? 1 : Math.min(1, sent.pieces / sent.piecesAll);
  const tokens = { ...reply.tokens, output: Math.ceil(reply.tokens.output * part) };
  return {
    requestId: call.requestId,
    model: ask.model,
    inputTokens: reply.inputTokens,
    outputTokens: tokens.output,
    nanos: nanosOf(ask.model, tokens),
    startedAt: new Date(call.startedAtMs).toISOString(),
    finishedAt: new Date().toISOString(),
    aborted: sent.aborted,
    ...(steering.mark === undefined ? {} : { mark: steering.mark }),
  };
}

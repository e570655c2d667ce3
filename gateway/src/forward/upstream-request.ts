/** What a provider is sent of an admitted request. */
import type { Exchange, UpstreamRequest } from "../ports.ts";
import type { Admission } from "../rooms.ts";
import { type RequestBody, withUpstreamWords } from "./body.ts";
import { formOf } from "./gemini-body.ts";
import { requestHead } from "./head.ts";
import type { OutputLimit } from "./limit-words.ts";
import { type ProviderRow, pathFor, type Target } from "./providers.ts";
import type { ForwardRoute } from "./routes.ts";
import type { DialectUsage } from "./usage/dialect-usage.ts";
import type { Strip } from "./usage/stream.ts";

export interface ToSend {
  readonly admission: Admission;
  readonly exchange: Exchange;
  readonly route: ForwardRoute;
  readonly row: ProviderRow;
  readonly target: Target;
  readonly asked: string;
  readonly body: RequestBody;
  readonly credential: string;
  /** Of this attempt, for a provider that takes it. */
  readonly traceparent: string | undefined;
  /** To be written into the body. */
  readonly limit: OutputLimit | null;
  readonly headersTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export interface Sendable {
  readonly request: UpstreamRequest;
  readonly strip: Strip;
  readonly usage: DialectUsage;
}

/** The request in the provider's own words, and how its answer is to be read. */
export function upstreamRequest(send: ToSend): Sendable {
  const { admission, exchange, route, row, target, body } = send;
  const usageOnRequest = route.usageOnRequest && !row.noStreamOptions;
  const words = withUpstreamWords(body, send.asked, admission.model, usageOnRequest, send.limit);
  const isForm = route.model === "multipart";
  const sse = route.usageOfArray !== undefined && formOf(exchange.target) === "sse";
  const path = pathFor(target, admission.model, route.version ?? "");
  return {
    request: {
      origin: target.origin,
      path: sse ? `${path}?alt=sse` : path,
      method: "POST",
      headers: requestHead({
        provider: admission.provider.provider,
        row,
        dialect: route.dialect,
        credential: send.credential,
        traceparent: send.traceparent,
        contentType: isForm ? (exchange.header("content-type") ?? "") : "application/json",
        accept: accepts(route, body.stream || sse),
        header: (name) => exchange.header(name),
      }),
      body: words.parts,
      headersTimeoutMs: send.headersTimeoutMs,
      firstByteTimeoutMs: send.firstByteTimeoutMs,
      idleTimeoutMs: send.idleTimeoutMs,
    },
    strip: words.strip ? (row.nullUsageWhenAsked ? "extra and nulls" : "extra") : "nothing",
    usage: sse ? route.usage : (route.usageOfArray ?? route.usage),
  };
}

function accepts(route: ForwardRoute, streamed: boolean): string {
  if (route.otherAnswers !== undefined) return "*/*";
  return streamed ? "text/event-stream" : "application/json";
}

/**
 * What a stranger reads of a refusal, in the shape of the surface that was called. Shapes: OpenAI's API; Anthropic's;
 * Google's `google.rpc.Status` with an `ErrorInfo`; JSON:API 1.1 for the control plane. The code is the same everywhere.
 * Anthropic's shape has no place for it, so on every data route it also stands in a header that is the same for all
 * vendors, and behind an event that ends a stream of Anthropic's in a comment, which every reader passes over.
 */
import { type JsonRpcId, mcpErrorOf } from "./mcp-problem.ts";
import type { RefusalRow, RefusalType } from "./refusal-row.ts";
import { type Refusal, refusals } from "./refusals.ts";

/** Carries the code on every data route, whatever the vendor's shape of a body has room for. */
const CODE_HEADER = "x-claviger-code";

/** The data surfaces of a gateway, by whose clients they serve. */
export type Dialect = "openai" | "anthropic" | "gemini";

/** Every shape of an answer on a data route: those of the surfaces, and JSON-RPC's. */
export type Shape = Dialect | "mcp";

export interface Problem {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** JSON text. */
  readonly body: string;
}

/** The status that a refusal is answered with. */
export function statusOf(refusal: Refusal): number {
  return refusals[refusal.code].status;
}

/** The sentence that a caller reads. */
export function messageOf(refusal: Refusal): string {
  const { message } = refusals[refusal.code];
  return refusal.detail ?? message.replace("{names}", () => (refusal.names ?? []).join(", "));
}

/** The answer to a refused request on a data route; `id` is that of a JSON-RPC request. */
export function problemOf(refusal: Refusal, shape: Shape, requestId: string, id: JsonRpcId = null): Problem {
  const body = shape === "mcp" ? mcpErrorOf(refusal, id, requestId) : bodyOf(refusal, shape, requestId);
  return {
    status: refusals[refusal.code].status,
    headers: { ...headersOf(refusal, requestId, "application/json"), [CODE_HEADER]: refusal.code },
    body: JSON.stringify(body),
  };
}

/** Whose events a stream has: those of OpenAI's responses have types and places, those of its other surfaces do not. */
export type EventDialect = Dialect | "openai responses";

/** The event that ends a stream which has already begun, in the way that the surface's clients raise as an error. */
export function problemEventOf(refusal: Refusal, dialect: EventDialect, requestId: string): string {
  if (dialect === "openai responses") {
    // Its place in the sequence is a number that nobody here has counted.
    const typed = { type: "error", sequence_number: 0, ...bodyOf(refusal, "openai", requestId) };
    return `event: error\ndata: ${JSON.stringify(typed)}\n\n`;
  }
  const data = `data: ${JSON.stringify(bodyOf(refusal, dialect, requestId))}\n`;
  return dialect === "anthropic" ? `event: error\n${data}: ${CODE_HEADER}: ${refusal.code}\n\n` : `${data}\n`;
}

/** The control plane's answer: one error for each refusal, the first one's status; there is at least one. */
export function jsonApiProblemOf(refused: readonly [Refusal, ...Refusal[]], requestId: string): Problem {
  const errors = refused.map((refusal) => {
    const { status, type } = refusals[refusal.code];
    const source = sourceOf(refusal);
    return {
      id: requestId,
      status: String(status),
      code: refusal.code,
      title: TITLES[type],
      detail: messageOf(refusal),
      ...(source && { source }),
    };
  });
  return {
    status: statusOf(refused[0]),
    headers: headersOf(refused[0], requestId, "application/vnd.api+json"),
    body: JSON.stringify({ errors }),
  };
}

const TITLES: Record<RefusalType, string> = {
  invalid_request_error: "Invalid request",
  authentication_error: "Not authenticated",
  permission_error: "Not allowed",
  rate_limit_error: "Too many requests",
  insufficient_quota: "Budget used up",
  service_unavailable: "Not available",
  upstream_error: "Provider error",
  server_error: "Server error",
};

/** A bare param is an attribute; one that begins with a slash is the JSON pointer itself (RFC 6901). */
function sourceOf(refusal: Refusal): { pointer: string } | undefined {
  const param = paramOf(refusal);
  if (param === null) return undefined;
  if (param.startsWith("/") || param === "") return { pointer: param };
  return { pointer: `/data/attributes/${param.replaceAll("~", "~0").replaceAll("/", "~1")}` };
}

function headersOf(refusal: Refusal, requestId: string, contentType: string): Record<string, string> {
  const row: RefusalRow = refusals[refusal.code];
  const headers: Record<string, string> = { "content-type": contentType, "x-request-id": requestId };
  const retryAfter = refusal.retryAfterSeconds ?? row.retryAfterSeconds;
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  if (row.shouldRetry === false) headers["x-should-retry"] = "false";
  if (row.wwwAuthenticate !== undefined) headers["www-authenticate"] = row.wwwAuthenticate;
  if (refusal.allow !== undefined) headers.allow = refusal.allow.join(", ");
  if (row.close) headers.connection = "close";
  return headers;
}

function paramOf(refusal: Refusal): string | null {
  const row: RefusalRow = refusals[refusal.code];
  return refusal.param ?? row.param ?? null;
}

function bodyOf(refusal: Refusal, dialect: Dialect, requestId: string): object {
  const { code } = refusal;
  const { status, type }: RefusalRow = refusals[code];
  const message = messageOf(refusal);
  const param = paramOf(refusal);
  if (dialect === "openai") return { error: { message, type, param, code } };
  if (dialect === "anthropic") {
    return { type: "error", error: { type: anthropicType(status, type), message }, request_id: requestId };
  }
  const info = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: code,
    domain: "claviger",
    metadata: param === null ? {} : { param },
  };
  return { error: { code: status, message, status: RPC_STATUS[status] ?? "UNKNOWN", details: [info] } };
}

/** Anthropic's error types (docs.anthropic.com, "Errors"); what it has no word for gets the word of its class. */
function anthropicType(status: number, type: RefusalType): string {
  if (status === 404) return "not_found_error";
  if (status === 413) return "request_too_large";
  if (status === 504) return "timeout_error";
  return ANTHROPIC_TYPES[type];
}

const ANTHROPIC_TYPES: Record<RefusalType, string> = {
  invalid_request_error: "invalid_request_error",
  authentication_error: "authentication_error",
  permission_error: "permission_error",
  rate_limit_error: "rate_limit_error",
  insufficient_quota: "billing_error",
  service_unavailable: "overloaded_error",
  upstream_error: "api_error",
  server_error: "api_error",
};

/** google.rpc.Code by HTTP status (cloud.google.com/apis/design/errors). */
const RPC_STATUS: Record<number, string> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  402: "RESOURCE_EXHAUSTED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  408: "DEADLINE_EXCEEDED",
  409: "ABORTED",
  413: "INVALID_ARGUMENT",
  415: "INVALID_ARGUMENT",
  422: "INVALID_ARGUMENT",
  429: "RESOURCE_EXHAUSTED",
  431: "INVALID_ARGUMENT",
  500: "INTERNAL",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

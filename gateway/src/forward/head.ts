/**
 * Heads of both directions, built from nothing: a header that is not named here does not pass. So no credential, cookie,
 * hop-by-hop header or internal header of a caller ever reaches a provider, and no limit or cookie of a provider's
 * account reaches a caller.
 */
import type { ProviderRow } from "./providers.ts";
import type { Dialect } from "./surfaces.ts";

const FROM_CALLER: Readonly<Record<Dialect, readonly string[]>> = {
  openai: ["openai-beta", "idempotency-key"],
  anthropic: ["anthropic-version", "anthropic-beta"],
  gemini: [],
};

/** Characters that RFC 9110 §5.5 lets a field value have, without obs-text. */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;

export interface RequestHeadInput {
  readonly provider: string;
  readonly row: ProviderRow;
  readonly dialect: Dialect;
  readonly credential: string;
  /** Ours; a caller's own never passes. */
  readonly traceparent?: string | undefined;
  readonly contentType: string;
  readonly accept: string;
  header(name: string): string | undefined;
}

/** Flat headers of the upstream request. Content is asked for unencoded: it must be readable to be metered. */
export function requestHead(input: RequestHeadInput): string[] {
  const head = [
    "content-type",
    input.contentType,
    "accept",
    input.accept,
    "accept-encoding",
    "identity",
    "user-agent",
    "claviger",
  ];
  const named = input.row.credential[input.dialect];
  if (named !== undefined) {
    head.push(named, input.credential);
  } else if (input.credential !== "" || !input.row.mayBeOpen) {
    head.push("authorization", `Bearer ${input.credential}`);
  }
  for (const name of FROM_CALLER[input.dialect]) {
    const value = input.header(name);
    if (value !== undefined && FIELD_VALUE.test(value)) head.push(name, value);
  }
  if (input.dialect === "anthropic" && input.header("anthropic-version") === undefined) {
    head.push("anthropic-version", "2023-06-01");
  }
  if (input.traceparent !== undefined) head.push("traceparent", input.traceparent);
  if (input.provider === "sandbox") {
    const steering = input.header("x-sandbox");
    if (steering !== undefined && FIELD_VALUE.test(steering)) head.push("x-sandbox", steering);
  }
  return head;
}

const FROM_PROVIDER = new Set([
  "content-type",
  "content-language",
  "openai-processing-ms",
  "openai-version",
  "openai-model",
]);

export interface AnswerFacts {
  /** Lower case, without parameters; empty when absent. */
  readonly contentType: string;
  readonly contentLength: number | undefined;
  /** `identity` when absent. */
  readonly encoding: string;
  readonly retryAfter: string | undefined;
}

/** What the relay has to know of an answer's head. */
export function answerFacts(flat: readonly string[]): AnswerFacts {
  let contentType = "";
  let contentLength: number | undefined;
  let encoding = "identity";
  let retryAfter: string | undefined;
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const value = flat[i + 1] as string;
    switch (flat[i]) {
      case "content-type":
        contentType = (value.split(";", 1)[0] as string).trim().toLowerCase();
        break;
      case "content-length":
        contentLength = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
        break;
      case "content-encoding":
        encoding = value.trim().toLowerCase();
        break;
      case "retry-after":
        retryAfter = /^\d{1,6}$/.test(value) ? value : undefined;
        break;
    }
  }
  return { contentType, contentLength, encoding, retryAfter };
}

/**
 * Flat headers of the answer: ours, and of the provider's those that describe the content. The length is kept unless
 * the content may become shorter on the way.
 */
export function answerHead(
  ours: readonly string[],
  flat: readonly string[],
  facts: AnswerFacts,
  mayShrink: boolean,
): string[] {
  const head = [...ours];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] as string;
    if (FROM_PROVIDER.has(name)) head.push(name, flat[i + 1] as string);
  }
  if (facts.encoding !== "identity") head.push("content-encoding", facts.encoding);
  if (facts.contentLength !== undefined && !mayShrink)
    head.push("content-length", String(facts.contentLength));
  return head;
}

/** What of a provider's answer a caller may see. */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { AnswerFacts } from "./head.ts";

/** Undefined when the answer passes, be it the provider's own complaint about the request; else what is told instead of it. */
export function judgeHead(
  status: number,
  facts: AnswerFacts,
  otherAnswers: RegExp | undefined,
  answerBytesMax: number,
): Refusal | undefined {
  if (status === 401 || status === 403) return refuse("provider_auth_failed");
  if (status === 429) {
    return facts.retryAfter === undefined
      ? refuse("provider_rate_limited")
      : refuse("provider_rate_limited", { retryAfterSeconds: Number(facts.retryAfter) });
  }
  if (status === 402 || status >= 500) return refuse("provider_error");
  if (status >= 300 && status < 400) return refuse("upstream_blocked");
  const readable = facts.contentType === "application/json" || facts.contentType === "text/event-stream";
  if (!readable && !otherAnswers?.test(facts.contentType)) return refuse("provider_bad_response");
  if (facts.contentLength !== undefined && facts.contentLength > answerBytesMax) {
    return refuse("provider_response_too_large");
  }
  return undefined;
}

/**
 * Said by something in front of the provider, which has lost the provider's own answer (RFC 9110 §15.6.3 and §15.6.5;
 * Cloudflare's 520 and 524): the request may have been worked on, and billed.
 */
const OF_A_PROXY: ReadonlySet<number> = new Set([502, 504, 520, 524]);

/** Whether the provider may bill an answer that nobody gets: one that it has worked for, or that is not its own. */
export function mayBeBilled(status: number): boolean {
  return status < 300 || OF_A_PROXY.has(status);
}

/** The first byte that is not white space opens an object or a list. */
export function looksLikeJson(bytes: Uint8Array): boolean {
  for (const byte of bytes) {
    if (byte === 32 || byte === 9 || byte === 10 || byte === 13) continue;
    return byte === 0x7b || byte === 0x5b;
  }
  return true;
}

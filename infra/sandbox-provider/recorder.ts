/**
 * What really reached the provider, for tests that prove what did not: a refused request leaves no line here, and no
 * credential is kept, only its SHA-256.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

const RECORDS_MAX = 5_000;
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const CREDENTIAL_HEADERS = new Set(["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"]);

export interface RecordedRequest {
  readonly requestId: string;
  readonly receivedAt: string;
  readonly method: string;
  readonly path: string;
  /** In the order and case of arrival; a credential's value is `sha256:<hex>` of the whole value. */
  readonly headers: readonly (readonly [string, string])[];
  /** Null until the body has been read to its end, and when it was dropped to save memory. */
  bodyBase64: string | null;
  bodyBytes: number;
}

interface Held {
  readonly record: RecordedRequest;
  readonly receivedAtMs: number;
  body: Buffer | null;
}

export interface Recorder {
  open(requestId: string, request: IncomingMessage, nowMs: number): (body: Buffer) => void;
  /** Requests whose head arrived at `sinceMs` or later, oldest first. */
  list(sinceMs: number): RecordedRequest[];
}

function headersOf(request: IncomingMessage): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? "";
    const value = request.rawHeaders[index + 1] ?? "";
    const secret = CREDENTIAL_HEADERS.has(name.toLowerCase());
    pairs.push([name, secret ? `sha256:${createHash("sha256").update(value).digest("hex")}` : value]);
  }
  return pairs;
}

/** Keeps the last 5 000 requests, and 64 MiB of their bodies. */
export function createRecorder(): Recorder {
  const held: Held[] = [];
  let bodyBytesHeld = 0;
  const drop = (item: Held | undefined) => {
    bodyBytesHeld -= item?.body?.length ?? 0;
    if (item !== undefined) item.body = null;
  };
  return {
    open(requestId, request, nowMs) {
      const record: RecordedRequest = {
        requestId,
        receivedAt: new Date(nowMs).toISOString(),
        method: request.method ?? "",
        path: request.url ?? "",
        headers: headersOf(request),
        bodyBase64: null,
        bodyBytes: 0,
      };
      const item: Held = { record, receivedAtMs: nowMs, body: null };
      held.push(item);
      if (held.length > RECORDS_MAX) drop(held.shift());
      return (body) => {
        item.body = body;
        record.bodyBytes = body.length;
        bodyBytesHeld += body.length;
        for (let index = 0; bodyBytesHeld > BODY_BYTES_MAX && index < held.length; index += 1)
          drop(held[index]);
      };
    },
    list(sinceMs) {
      return held
        .filter((item) => item.receivedAtMs >= sinceMs)
        .map((item) => ({ ...item.record, bodyBase64: item.body?.toString("base64") ?? null }));
    },
  };
}

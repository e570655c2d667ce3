/** `Idempotency-Key` around a route: the first request runs, the others get its answer without any secret. */
import { ApiProblem } from "@claviger/shared/api/problem";
import type { Resource } from "@claviger/shared/api/resource";
import {
  type Claim,
  type Claimed,
  claimKey,
  keepAnswer,
  releaseClaim,
  type StoredOutcome,
} from "../idempotency/claim.ts";
import { operationAt } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Settings } from "../settings.ts";
import { type Document, documentOf, type Waiting } from "./answer.ts";
import type { Answer } from "./route.ts";

export interface Asked {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly request: Request;
  readonly url: URL;
  readonly bytes: Uint8Array;
  /** The organization, or `operator`. */
  readonly scope: string;
  /** Who asks: another member's request with the same key is another request. */
  readonly who: string;
  readonly waiting: Waiting;
}

const HEADER = "idempotency-key";

/** Runs `work` once per key. Without the header, or on a safe method, it simply runs. */
export async function runOnce(
  asked: Asked,
  work: (claim: Claim | undefined) => Promise<Document | Response>,
): Promise<Document | Response> {
  const key = asked.request.headers.get(HEADER);
  if (key === null || ["GET", "HEAD"].includes(asked.request.method)) return work(undefined);
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
    const detail = "Idempotency-Key takes 1 to 255 printable ASCII characters.";
    throw new ApiProblem([{ code: "invalid_header", detail, header: HEADER }]);
  }
  const { ports } = asked;
  const claimed = await claimKey(ports, {
    scope: asked.scope,
    key,
    requestHash: await requestHash(asked),
  });
  if (claimed.kind !== "run") return replay(asked, claimed);
  return run(ports, claimed.claim, work);
}

async function run(
  ports: Ports,
  claim: Claim,
  work: (claim: Claim) => Promise<Document | Response>,
): Promise<Document | Response> {
  try {
    const done = await work(claim);
    if (done instanceof Response) await releaseClaim(ports.db, claim);
    else await keepAnswer(ports.db, claim, { status: done.status, body: withoutSecret(done.body) });
    return done;
  } catch (error) {
    await releaseClaim(ports.db, claim);
    throw error;
  }
}

async function replay(asked: Asked, claimed: Exclude<Claimed, { kind: "run" }>): Promise<Document> {
  const headers = { "idempotency-replayed": "true" };
  if (claimed.kind === "replay") {
    return { status: claimed.status, body: claimed.body as Document["body"], headers };
  }
  const organizationId =
    asked.waiting.organizationId || (claimed.outcome.resource as Resource | null)?.id || "";
  const waiting = { ...asked.waiting, organizationId, waitMs: 0 };
  const document = await documentOf(
    await answerOf(asked.ports, organizationId, claimed.outcome),
    asked.url,
    waiting,
  );
  return { ...document, headers: { ...document.headers, ...headers } };
}

/** What the first would answer if it answered now: the operation as it stands. */
async function answerOf(
  ports: Ports,
  organizationId: string,
  outcome: StoredOutcome,
): Promise<Exclude<Answer, { kind: "raw" }>> {
  const { created, effect, secret, revision } = outcome;
  const resource = outcome.resource as Resource | null;
  const meta = { ...outcome.meta, ...(secret && { secretShown: true }) };
  if (revision === null) return { kind: "one", status: created ? 201 : 200, resource, meta };
  const operationId = outcome.operationId ?? (await operationAt(ports.db, organizationId, revision));
  return { kind: "change", created, changed: { resource, effect, operationId, revision, meta } };
}

/** A secret that was in the answer is replaced by the news that it was shown. */
function withoutSecret(body: Document["body"]): object {
  const { secretKey, ...meta } = body.meta ?? {};
  return secretKey === undefined ? body : { ...body, meta: { ...meta, secretShown: true } };
}

/** Keyed by a secret that the database does not hold: bodies may carry passwords, which a plain hash would betray. */
async function requestHash({ settings, request, url, bytes, who }: Asked): Promise<string> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const secret = encode(`idempotency\0${settings.operatorToken}`);
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const head = encode(`${who}\n${request.method}\n${url.pathname}${url.search}\n`);
  const mac = await crypto.subtle.sign("HMAC", key, Buffer.concat([head, bytes]));
  return Buffer.from(mac).toString("base64url");
}

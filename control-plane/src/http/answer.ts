/** From what a verb returned to a JSON:API document, waiting for the fleet where the change needs it. */
import type { Resource } from "@claviger/shared/api/resource";
import type { OperationView } from "@claviger/shared/sync/operation";
import { awaitOperation } from "../fleet/operations.ts";
import type { Ports } from "../ports.ts";
import type { Answer } from "./route.ts";

/** A status and a document; headers beside the ones that every answer has. */
export interface Document {
  readonly status: number;
  readonly body: { data: unknown; links?: object; meta?: Record<string, unknown> };
  readonly headers: Readonly<Record<string, string>>;
}

export interface Waiting {
  readonly ports: Ports;
  readonly organizationId: string;
  readonly waitMs: number;
  /** The first that aborts ends the wait; the answer then tells how far things are. */
  readonly signals: readonly AbortSignal[];
}

/** The document of an answer that is not raw. */
export async function documentOf(
  answer: Exclude<Answer, { kind: "raw" }>,
  url: URL,
  waiting: Waiting,
): Promise<Document> {
  if (answer.kind === "list") {
    const { resources, next, meta } = answer;
    const links = { next: next === null ? null : nextLink(url, next) };
    return { status: 200, body: { data: resources, links, ...(meta && { meta }) }, headers: {} };
  }
  if (answer.kind === "one") {
    const { resource, revision, secretKey, meta } = answer;
    return {
      status: answer.status ?? 200,
      body: one(resource, { revision, secretKey, ...meta }),
      headers: headersOf(answer.headers, revision),
    };
  }
  const { changed, created } = answer;
  const operation = await operationOf(waiting, changed.operationId);
  const waits = changed.effect === "restrictive" && operation?.status === "pending";
  const { resource, revision, secretKey, meta } = changed;
  return {
    status: created ? 201 : waits ? 202 : 200,
    body: one(resource, { operation, revision, secretKey, ...meta }),
    headers: headersOf(answer.headers, resource === null ? undefined : revision),
  };
}

async function operationOf(waiting: Waiting, operationId: string | null): Promise<OperationView | null> {
  if (operationId === null) return null;
  const { ports, organizationId, waitMs, signals } = waiting;
  return awaitOperation(ports, organizationId, operationId, waitMs, AbortSignal.any([...signals]));
}

function one(resource: Resource | null, meta: Record<string, unknown>): Document["body"] {
  const said = Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== undefined));
  return { data: resource, ...(Object.keys(said).length > 0 && { meta: said }) };
}

function headersOf(
  headers: Readonly<Record<string, string>> | undefined,
  revision: string | undefined,
): Record<string, string> {
  return { ...headers, ...(revision && { etag: `"${revision}"` }) };
}

function nextLink(url: URL, cursor: string): string {
  const next = new URL(url);
  next.searchParams.set("page[after]", cursor);
  return `${next.pathname}${next.search}`;
}

/** The control plane's API as pages use it: JSON:API in, JSON:API out, every failure one class (API.md §2). */
import type { LlmApiKeyImpactView, LlmApiKeyTestView } from "@claviger/shared/api/llm-api-key";
import type { Resource } from "@claviger/shared/api/resource";
import type { OperationView } from "@claviger/shared/sync/operation";

/** One finding of a refusal; `pointer` names the field that it is about. */
export interface Finding {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly pointer: string | undefined;
}

/** The API said no, or nothing came back (`status` 0). `requestId` is what support asks for. */
export class RequestFailed extends Error {
  readonly status: number;
  readonly findings: readonly Finding[];
  readonly requestId: string | undefined;
  /** The present resource, with 409 `edit_conflict`. */
  readonly present: Resource | undefined;

  constructor(status: number, findings: readonly Finding[], requestId?: string, present?: Resource) {
    super(findings[0]?.detail ?? "The control plane could not be reached.");
    this.name = "RequestFailed";
    this.status = status;
    this.findings = findings;
    this.requestId = requestId;
    this.present = present;
  }
}

export interface Meta {
  readonly operation?: OperationView | null;
  readonly revision?: string;
  readonly secretKey?: string;
  readonly total?: number;
  /** Notifications that the caller has not seen. */
  readonly unseen?: number;
  readonly answered?: readonly string[];
  readonly missing?: readonly string[];
  readonly held?: unknown;
  readonly test?: LlmApiKeyTestView;
  readonly impact?: LlmApiKeyImpactView;
}

export interface Answer<Data> {
  readonly data: Data;
  readonly meta: Meta;
  /** Cursor of the next page. */
  readonly next: string | null;
}

export interface Asking {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const sessionEnded = new EventTarget();

/** Tells when a request was refused because nobody is signed in. */
export function onSessionEnded(listener: () => void): () => void {
  sessionEnded.addEventListener("ended", listener);
  return () => sessionEnded.removeEventListener("ended", listener);
}

type Rehearsal = (path: string, read: () => Promise<Answer<unknown>>) => Promise<Answer<unknown>>;
let rehearsal: Rehearsal | undefined;

/** Puts somebody between the pages and what they read (`trial/rehearse.ts`). */
export function rehearseReads(by: Rehearsal): void {
  rehearsal = by;
}

/** Asks `/api/v1`; throws `RequestFailed`. */
export async function ask<Data>(method: string, path: string, asking: Asking = {}): Promise<Answer<Data>> {
  const read = () => askApi<Data>(method, path, asking);
  if (rehearsal === undefined || method !== "GET") return read();
  return (await rehearsal(path, read)) as Answer<Data>;
}

async function askApi<Data>(method: string, path: string, asking: Asking): Promise<Answer<Data>> {
  const response = await send(method, path, asking);
  const text = await response.text();
  const document = readDocument(text);
  if (response.ok)
    return { data: document.data as Data, meta: document.meta ?? {}, next: cursorOf(document) };
  const requestId = response.headers.get("x-request-id") ?? undefined;
  const failure = new RequestFailed(
    response.status,
    findingsOf(document),
    requestId,
    document.meta?.resource,
  );
  if (response.status === 401 && path !== "/sessions") sessionEnded.dispatchEvent(new Event("ended"));
  throw failure;
}

async function send(method: string, path: string, { body, headers, signal }: Asking): Promise<Response> {
  try {
    return await fetch(`/api/v1${path}`, {
      method,
      headers: {
        accept: "application/vnd.api+json",
        ...(body === undefined ? {} : { "content-type": "application/vnd.api+json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new RequestFailed(0, []);
  }
}

interface WireDocument {
  readonly data?: unknown;
  readonly links?: { next?: string | null };
  readonly meta?: Meta & { resource?: Resource };
  readonly errors?: readonly {
    code?: string;
    title?: string;
    detail?: string;
    source?: { pointer?: string };
  }[];
}

function readDocument(text: string): WireDocument {
  try {
    return JSON.parse(text) as WireDocument;
  } catch {
    // A proxy's page instead of ours: the status says what there is to say.
    return {};
  }
}

function findingsOf({ errors = [] }: WireDocument): Finding[] {
  return errors.map(({ code = "", title = "", detail = "", source }) => ({
    code,
    title,
    detail: detail === "" ? title : detail,
    pointer: source?.pointer,
  }));
}

function cursorOf({ links }: WireDocument): string | null {
  if (links?.next == null) return null;
  return new URL(links.next, location.origin).searchParams.get("page[after]");
}

/** The body of a create or an edit. */
export function resourceBody(type: string, attributes: object) {
  return { data: { type, attributes } };
}

/** Changes answer as soon as they are committed; how far they have come is followed by their operation. */
export const atOnce = { prefer: "wait=0" } as const;

/** The control plane's API as a script calls it: one function, whose refusals are `CommandError`s with the right exit code. */
import { CommandError, type ExitCode, exitCodes } from "./command.ts";

export interface Resource {
  readonly type: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface OperationGateway {
  readonly name: string;
  readonly replica: string;
  readonly state: string;
  readonly refusesBy?: string;
}

export interface Operation {
  readonly id: string;
  readonly revision: string;
  readonly status: string;
  readonly safeBy?: string;
  readonly gateways: readonly OperationGateway[];
}

export interface Meta {
  readonly secretKey?: string;
  readonly operation?: Operation | null;
  readonly [name: string]: unknown;
}

export interface Document {
  readonly data: Resource | readonly Resource[] | null;
  readonly meta?: Meta;
  readonly links?: { readonly next?: string | null };
}

export interface Answer {
  readonly status: number;
  readonly document: Document;
  readonly headers: Headers;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Api {
  readonly url: string;
  /** `path` begins behind `/api/v1`. Throws `CommandError` for whatever is not 2xx. */
  call(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, options?: CallOptions): Promise<Answer>;
  /** All of a list, page by page, up to `limit`. */
  list(
    path: string,
    query?: Readonly<Record<string, string | undefined>>,
    limit?: number,
  ): Promise<Resource[]>;
}

/** Longer than any `Prefer: wait` that is asked for. */
const TIMEOUT_MS = 120_000;
const PAGE_SIZE = 200;

/** The API at that address with that credential; `proof` is the header that carries it, and none signs in. */
export function createApi(url: string, proof: Readonly<Record<string, string>>): Api {
  const call: Api["call"] = async (method, path, options = {}) => {
    const address = new URL(`${url}/api/v1${path}`);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) address.searchParams.set(name, value);
    }
    const { body } = options;
    const response = await reach(address, {
      method,
      headers: {
        accept: "application/vnd.api+json",
        ...(body === undefined ? {} : { "content-type": "application/vnd.api+json" }),
        ...proof,
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: options.signal ?? AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw refusal(response.status, text, url);
    return { status: response.status, document: parse(text, url), headers: response.headers };
  };
  return { url, call, list: (path, query, limit) => listAll(call, path, query, limit) };
}

async function listAll(
  call: Api["call"],
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
  limit = Number.POSITIVE_INFINITY,
): Promise<Resource[]> {
  const all: Resource[] = [];
  let after: string | undefined;
  for (;;) {
    const size = String(Math.min(PAGE_SIZE, limit - all.length));
    const { document } = await call("GET", path, {
      query: { ...query, "page[size]": size, "page[after]": after },
    });
    if (Array.isArray(document.data)) all.push(...document.data);
    const next = document.links?.next;
    if (next === undefined || next === null || all.length >= limit) return all;
    after = new URL(next, "http://unknown").searchParams.get("page[after]") ?? undefined;
  }
}

/** `fetch`, where nobody being there is an outcome with words. */
export async function reach(address: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") throw error;
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const why = cause instanceof Error ? (codeOf(cause) ?? cause.message) : String(cause);
    throw new CommandError(
      `${address.origin} does not answer (${why}); "claviger doctor" looks for the reason`,
      exitCodes.unreachable,
    );
  }
}

const codeOf = (error: Error) => ("code" in error ? String(error.code) : undefined);

interface Problem {
  readonly code: string;
  readonly detail?: string;
  readonly title?: string;
  readonly source?: { readonly pointer?: string; readonly parameter?: string };
}

function refusal(status: number, text: string, url: string): CommandError {
  const problems = problemsOf(text);
  if (problems.length === 0) {
    return new CommandError(`${url} answered ${status} and not as a control plane does`, codeFor(status));
  }
  const said = problems.map(({ code, detail, title, source }) => {
    const where = source?.pointer?.replace("/data/attributes/", "") ?? source?.parameter;
    return `${where === undefined ? "" : `${where}: `}${detail ?? title ?? code} (${code})`;
  });
  return new CommandError(said.join("; "), codeFor(status));
}

function problemsOf(text: string): readonly Problem[] {
  try {
    const { errors } = JSON.parse(text) as { errors?: readonly Problem[] };
    return Array.isArray(errors) ? errors : [];
  } catch {
    return [];
  }
}

/** The exit code of an HTTP status. */
export function codeFor(status: number): ExitCode {
  if (status === 401 || status === 403) return exitCodes.notAllowed;
  if (status === 404) return exitCodes.notFound;
  if (status === 409 || status === 412) return exitCodes.conflict;
  if (status === 400 || status === 415 || status === 422) return exitCodes.usage;
  return status === 502 || status === 503 || status === 504 ? exitCodes.unreachable : exitCodes.failed;
}

function parse(text: string, url: string): Document {
  try {
    const read = JSON.parse(text) as Document;
    if (typeof read === "object" && read !== null && "data" in read) return read;
  } catch {
    // Told below: what answers there is something else.
  }
  throw new CommandError(`${url} is no control plane: its answer cannot be read`, exitCodes.unreachable);
}

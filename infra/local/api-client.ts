/** The control plane's public API, as far as the seed needs it (API.md §2). */
import { LocalStackError } from "./types.ts";

export interface Resource {
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  /** The one resource, or null for a list. */
  readonly resource: Resource | null;
  readonly resources: readonly Resource[];
  readonly secretKey: string | null;
  /** For the header `cookie` of later requests, when cookies were set. */
  readonly cookie: string | null;
}

/** How a request proves who asks: `{authorization}` or `{cookie}`. */
export type Proof = Readonly<Record<string, string>>;

/** Calls the API; an answer other than 2xx throws one line, except the statuses in `allowed`. */
export async function callApi(
  baseUrl: string,
  proof: Proof,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: unknown,
  allowed: readonly number[] = [],
): Promise<Answer> {
  const response = await fetch(`${baseUrl}/api/v1${path}`, {
    method,
    headers: {
      accept: "application/vnd.api+json",
      // A cookie counts only from the dashboard's own origin.
      origin: baseUrl,
      ...(body === undefined ? {} : { "content-type": "application/vnd.api+json" }),
      ...proof,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok && !allowed.includes(response.status)) {
    throw new LocalStackError(`${method} ${path} answered ${response.status}`, text.slice(0, 2000));
  }
  return read(response, text);
}

function read(response: Response, text: string): Answer {
  const parsed = (text === "" ? {} : JSON.parse(text)) as {
    data?: Resource | Resource[];
    meta?: { secretKey?: string };
  };
  const data = parsed.data;
  const cookies = response.headers.getSetCookie();
  return {
    status: response.status,
    resource: data === undefined || Array.isArray(data) ? null : data,
    resources: Array.isArray(data) ? data : [],
    secretKey: parsed.meta?.secretKey ?? null,
    cookie: cookies.length === 0 ? null : cookies.map((cookie) => cookie.split(";", 1)[0]).join("; "),
  };
}

/** The id of the one resource in an answer. */
export function idOf(answer: Answer, what: string): string {
  if (answer.resource === null) throw new LocalStackError(`the control plane answered without ${what}`);
  return answer.resource.id;
}

/** The secret that an answer shows once. */
export function secretOf(answer: Answer, what: string): string {
  if (answer.secretKey === null)
    throw new LocalStackError(`the control plane answered without the secret of ${what}`);
  return answer.secretKey;
}

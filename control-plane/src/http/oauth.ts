/** The shapes of RFC 6749: what a client sends to the token endpoint, and what it reads. Nothing here is JSON:API. */

/** §5.2, and `server_error` of §4.1.2.1 for what is our fault. */
export type OAuthError =
  | "invalid_request"
  | "invalid_client"
  | "invalid_scope"
  | "unsupported_grant_type"
  | "temporarily_unavailable"
  | "server_error";

const NO_STORE = { "cache-control": "no-store", pragma: "no-cache" } as const;

const descriptions: Record<OAuthError, string> = {
  invalid_request: "Send client credentials once, by Basic or in the form, and each parameter once.",
  invalid_client: "No agent in use has these credentials.",
  invalid_scope: "The scope is malformed, or more than the agent may.",
  unsupported_grant_type: "This endpoint takes grant_type=client_credentials.",
  temporarily_unavailable: "The control plane's database does not answer. Try again.",
  server_error: "Something went wrong on our side. Tell support the request id.",
};

const statuses: Record<OAuthError, number> = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_scope: 400,
  unsupported_grant_type: 400,
  temporarily_unavailable: 503,
  server_error: 500,
};

/** The error as a client library reads it; a 401 names the scheme that is taken (§5.2). */
export function oauthError(error: OAuthError): Response {
  const challenge = error === "invalid_client" ? { "www-authenticate": 'Basic realm="claviger"' } : {};
  const body = { error, error_description: descriptions[error] };
  return Response.json(body, { status: statuses[error], headers: { ...NO_STORE, ...challenge } });
}

/** §5.1. The scope is named because it may be less than what a client takes for granted. */
export function oauthToken(token: string, expiresInSeconds: number, scope: string | undefined): Response {
  const body = {
    access_token: token,
    token_type: "Bearer",
    expires_in: expiresInSeconds,
    ...(scope === undefined ? {} : { scope }),
  };
  return Response.json(body, { headers: NO_STORE });
}

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | undefined;
}

const FORM = "application/x-www-form-urlencoded";

/** Reads a token request; credentials come by Basic or in the form, never by both (§2.3). */
export function readTokenRequest(request: Request, bytes: Uint8Array): ClientCredentials | OAuthError {
  const [type = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (type.trim().toLowerCase() !== FORM) return "invalid_request";
  const form = new URLSearchParams(new TextDecoder().decode(bytes));
  const names = [...form.keys()];
  if (new Set(names).size !== names.length) return "invalid_request";
  const parameter = (name: string) => form.get(name) || undefined;
  const grant = parameter("grant_type");
  if (grant === undefined) return "invalid_request";
  const basic = readBasic(request.headers.get("authorization"));
  if (basic === "malformed") return "invalid_client";
  const inForm = { clientId: parameter("client_id"), clientSecret: parameter("client_secret") };
  if (basic !== undefined && inForm.clientSecret !== undefined) return "invalid_request";
  if (basic !== undefined && inForm.clientId !== undefined && inForm.clientId !== basic.clientId) {
    return "invalid_request";
  }
  if (grant !== "client_credentials") return "unsupported_grant_type";
  const { clientId, clientSecret } = basic ?? inForm;
  if (clientId === undefined || clientSecret === undefined) return "invalid_client";
  return { clientId, clientSecret, scope: parameter("scope") };
}

/** §2.3.1: id and secret are form-encoded before they are joined. */
function readBasic(
  header: string | null,
): { clientId: string; clientSecret: string } | "malformed" | undefined {
  if (header === null) return undefined;
  const match = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header);
  if (match?.[1] === undefined) return "malformed";
  const text = Buffer.from(match[1], "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return "malformed";
  try {
    return { clientId: decode(text.slice(0, colon)), clientSecret: decode(text.slice(colon + 1)) };
  } catch {
    // A stray percent sign is no encoding.
    return "malformed";
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

/** From headers to a caller: a bearer token, else the dashboard's cookie. */
import { ApiProblem, problem } from "@claviger/shared/api/problem";
import { sameBytes } from "@claviger/shared/key/constant-time";
import { hashSecret } from "@claviger/shared/key/secret";
import type { Ports } from "../ports.ts";
import { callerBySession, callerByToken } from "../sessions/authenticate.ts";
import type { SignedInCaller } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";
import { cookieName, readCookie } from "./cookie.ts";

/** The member behind the request; throws 401, or 403 for a browser that another site has sent. */
export async function signIn(ports: Ports, settings: Settings, request: Request): Promise<SignedInCaller> {
  const token = bearerOf(request);
  if (token !== undefined) return callerByToken(ports, token);
  const cookie = readCookie(request, cookieName(settings));
  if (cookie === undefined) throw problem("authentication_required");
  requireSameOrigin(settings, request);
  const caller = await callerBySession(ports, cookie);
  if (caller === undefined) throw problem("authentication_required", "The session has ended. Sign in again.");
  return caller;
}

/** Throws unless the operator's token was sent; compared by digest, so its length and place of difference stay unsaid. */
export async function requireOperator(settings: Settings, request: Request): Promise<void> {
  const token = bearerOf(request);
  if (token === undefined) {
    throw problem("authentication_required", "Send the operator token as `Authorization: Bearer …`.");
  }
  const encode = (text: string) => new TextEncoder().encode(text);
  const [given, wanted] = await Promise.all([hashSecret(token), hashSecret(settings.operatorToken)]);
  if (!sameBytes(encode(given), encode(wanted))) throw problem("invalid_token");
}

/**
 * Refuses what a browser sends on behalf of another site. Every browser marks an unsafe request with `Origin` or
 * `Sec-Fetch-Site`; a request with neither comes from no browser, and its sender holds the cookie itself.
 */
export function requireSameOrigin(settings: Settings, request: Request): void {
  if (request.method === "GET" || request.method === "HEAD") return;
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") throw problem("invalid_origin");
  const origin = request.headers.get("origin");
  if (origin === null) return;
  const own = [new URL(settings.publicUrl).origin, new URL(request.url).origin];
  if (!own.includes(origin)) throw problem("invalid_origin");
}

function bearerOf(request: Request): string | undefined {
  const header = request.headers.get("authorization");
  if (header === null) return undefined;
  const match = /^Bearer +([\x21-\x7e]{1,4096})$/i.exec(header);
  if (match?.[1] !== undefined) return match[1];
  throw new ApiProblem([
    { code: "invalid_token", detail: "Send `Authorization: Bearer clvp_…`.", header: "authorization" },
  ]);
}

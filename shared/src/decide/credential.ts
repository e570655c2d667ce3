/**
 * Which credential a request carries. The headers of all surfaces are read on all routes, so that a client of one vendor
 * works everywhere. Order of answers: missing, ambiguous, malformed. What the token *is* only its format can tell
 * (`key/secret`); anything that is not one of ours is `invalid_api_key`, with the body of a key nobody has.
 */
import { type Refusal, refuse } from "./refusals.ts";

/** Header values as the platform gives them; undefined or null when absent. */
export interface CredentialHeaders {
  readonly authorization?: string | null | undefined;
  readonly "x-api-key"?: string | null | undefined;
  readonly "x-goog-api-key"?: string | null | undefined;
  readonly "api-key"?: string | null | undefined;
}

export const TOKEN_BYTES_MAX = 4096;

export type Credential =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "refused"; readonly refusal: Refusal };

const BARE_HEADERS = ["x-api-key", "x-goog-api-key", "api-key"] as const;
/** RFC 9110 §11.1: schemes are case-insensitive; the token follows after at least one space. */
const BEARER = /^bearer(?: +|$)/i;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** The one token that the headers carry. An empty header, or `Bearer` with nothing behind it, counts as absent. */
export function readCredential(headers: CredentialHeaders): Credential {
  const authorization = trim(headers.authorization);
  const bearer = BEARER.test(authorization);
  let token = bearer ? trim(authorization.slice(6)) : authorization;
  const fromAuthorization = token !== "";
  for (const name of BARE_HEADERS) {
    const value = trim(headers[name]);
    if (value === "" || value === token) continue;
    if (token !== "") return { kind: "refused", refusal: refuse("ambiguous_credentials") };
    token = value;
  }
  if (token === "") return { kind: "refused", refusal: refuse("missing_api_key") };
  if ((fromAuthorization && !bearer) || token.length > TOKEN_BYTES_MAX || !VISIBLE_ASCII.test(token)) {
    return { kind: "refused", refusal: refuse("malformed_api_key") };
  }
  return { kind: "token", token };
}

/** Without optional white space around it (RFC 9110 §5.6.3), and nothing else: other blanks are bytes of the token. */
function trim(value: string | null | undefined): string {
  if (value === undefined || value === null) return "";
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

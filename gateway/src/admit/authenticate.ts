/**
 * Headers → credential → checksum → hash → key, in the fixed order of PROTOCOL §4.2. Everything that an anonymous caller
 * can ask for is answered here without a body, a disk or the control plane; only a hash that nobody knows may wait once.
 */
import { admitKey, admitToken, type Caller, type KeyDecision } from "@claviger/shared/decide/admit";
import { readCredential } from "@claviger/shared/decide/credential";
import type { EphemeralClaims } from "@claviger/shared/decide/ephemeral";
import { clientIp } from "@claviger/shared/decide/forwarded";
import type { Address } from "@claviger/shared/decide/ip";
import type { IpRanges } from "@claviger/shared/decide/ip-ranges";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { EPHEMERAL_PREFIX, parseApiKey } from "@claviger/shared/key/secret";
import { reaches } from "@claviger/shared/sync/position";
import type { Crypto, Exchange } from "../ports.ts";
import type { Authenticate, Authenticated, Authority } from "../rooms.ts";
import type { VerifiedToken, VerifyToken } from "./verify-token.ts";

export interface AuthenticateDeps {
  readonly authority: Authority;
  readonly crypto: Crypto;
  readonly verifyToken: VerifyToken;
  readonly gatewayId: string;
  readonly trustedProxies: IpRanges;
}

export function createAuthenticate(deps: AuthenticateDeps): Authenticate {
  return (exchange) => {
    const ip = clientIp(exchange.peer, exchange.header("x-forwarded-for"), deps.trustedProxies);
    const secret = readSecret(exchange);
    if (typeof secret !== "string") return refused(secret, ip);
    const minRevision = exchange.header("x-min-revision");
    if (minRevision !== undefined) return afterRevision(deps, minRevision, secret, ip);
    return judge(deps, secret, ip);
  };
}

function refused(refusal: Refusal, ip: Address | undefined): Authenticated {
  return { ok: false, refusal, key: undefined, ip };
}

/** The API key or ephemeral token that the headers carry, by form and checksum. */
function readSecret(exchange: Exchange): string | Refusal {
  const credential = readCredential({
    authorization: exchange.header("authorization"),
    "x-api-key": exchange.header("x-api-key"),
    "x-goog-api-key": exchange.header("x-goog-api-key"),
    "api-key": exchange.header("api-key"),
  });
  if (credential.kind === "refused") return credential.refusal;
  const parsed = parseApiKey(credential.token);
  if (parsed.kind === "apiKey") return parsed.secret;
  if (parsed.kind === "badChecksum") return refuse("invalid_api_key");
  // Every other credential of ours opens no data route: agents' secrets are the control plane's to see.
  return credential.token.startsWith(EPHEMERAL_PREFIX) ? credential.token : refuse("invalid_api_key");
}

function judge(
  deps: AuthenticateDeps,
  secret: string,
  ip: Address | undefined,
): Authenticated | Promise<Authenticated> {
  const { authority } = deps;
  const caller: Caller = { hash: deps.crypto.keyHash(secret), gatewayId: deps.gatewayId, ip };
  if (secret.startsWith(EPHEMERAL_PREFIX)) return judgeToken(deps, secret, caller);
  const decision = admitKey(authority.view, authority.freshness(), caller);
  return decision.kind === "unsure" ? judgeAgain(authority, caller) : settled(decision, ip);
}

async function judgeAgain(authority: Authority, caller: Caller): Promise<Authenticated> {
  await authority.waitForUnknown();
  return settled(admitKey(authority.view, authority.freshness(), caller, true), caller.ip);
}

function judgeToken(
  deps: AuthenticateDeps,
  token: string,
  caller: Caller,
): Authenticated | Promise<Authenticated> {
  const verified = deps.verifyToken(token, caller.hash, deps.authority.freshness().nowMs);
  if (verified instanceof Promise) return verified.then((found) => judgeVerified(deps, found, caller));
  return judgeVerified(deps, verified, caller);
}

/** The parent is looked up live; before that, the table has to be where the control plane was when it made the token. */
function judgeVerified(
  { authority }: AuthenticateDeps,
  verified: VerifiedToken | undefined,
  caller: Caller,
): Authenticated | Promise<Authenticated> {
  if (verified === undefined) return refused(refuse("invalid_token"), caller.ip);
  const { minRevision } = verified;
  const { view } = authority;
  if (view.configured && !reaches(view, minRevision)) return judgeLater(authority, verified, caller);
  return judgeParent(authority, verified, caller);
}

async function judgeLater(
  authority: Authority,
  verified: VerifiedToken,
  caller: Caller,
): Promise<Authenticated> {
  const { epoch, rev } = verified.minRevision;
  if (!(await authority.waitForRevision(epoch, rev))) return refused(refuse("config_behind"), caller.ip);
  return judgeParent(authority, verified, caller);
}

function judgeParent(
  authority: Authority,
  { claims }: VerifiedToken,
  caller: Caller,
): Authenticated | Promise<Authenticated> {
  const decision = admitToken(authority.view, authority.freshness(), caller, claims);
  return decision.kind === "unsure"
    ? judgeTokenAgain(authority, claims, caller)
    : settled(decision, caller.ip, claims.tokenId);
}

async function judgeTokenAgain(
  authority: Authority,
  claims: EphemeralClaims,
  caller: Caller,
): Promise<Authenticated> {
  await authority.waitForUnknown();
  const decision = admitToken(authority.view, authority.freshness(), caller, claims, true);
  return settled(decision, caller.ip, claims.tokenId);
}

function settled(decision: KeyDecision, ip: Address | undefined, tokenId?: string): Authenticated {
  if (decision.kind === "admitted") return { ok: true, principal: decision.principal, ip };
  if (decision.kind === "refused") {
    const { refusal, key } = decision;
    return tokenId === undefined ? { ok: false, refusal, key, ip } : { ok: false, refusal, key, ip, tokenId };
  }
  return refused(refuse("authorization_stale"), ip);
}

const REVISION = /^(\d{1,9})\.(\d{1,15})$/;

/** `x-min-revision`: waits ≤ 500 ms for the table to be there, before anything is looked up in it. */
async function afterRevision(
  deps: AuthenticateDeps,
  wanted: string,
  secret: string,
  ip: Address | undefined,
): Promise<Authenticated> {
  const match = REVISION.exec(wanted);
  if (match === null) return refused(refuse("invalid_revision"), ip);
  const held = await deps.authority.waitForRevision(Number(match[1]), Number(match[2]));
  return held ? judge(deps, secret, ip) : refused(refuse("config_behind"), ip);
}

/**
 * Headers → credential → checksum → hash → key, in the fixed order of PROTOCOL §4.2. Everything that an anonymous caller
 * can ask for is answered here without a body, a disk or the control plane; only a hash that nobody knows may wait once.
 */
import { admitKey, type Caller, type KeyDecision } from "@claviger/shared/decide/admit";
import { readCredential } from "@claviger/shared/decide/credential";
import { clientIp } from "@claviger/shared/decide/forwarded";
import type { Address } from "@claviger/shared/decide/ip";
import type { IpRanges } from "@claviger/shared/decide/ip-ranges";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { EPHEMERAL_PREFIX, parseApiKey } from "@claviger/shared/key/secret";
import type { Crypto, Exchange } from "../ports.ts";
import type { Authenticate, Authenticated, Authority } from "../rooms.ts";

export interface AuthenticateDeps {
  readonly authority: Authority;
  readonly crypto: Crypto;
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

/** The API key that the headers carry, by form and checksum. */
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
  // No verifier of ephemeral tokens stands here, so none is valid; every other credential of ours opens no data route.
  if (credential.token.startsWith(EPHEMERAL_PREFIX)) return refuse("invalid_token");
  return refuse("invalid_api_key");
}

function judge(
  deps: AuthenticateDeps,
  secret: string,
  ip: Address | undefined,
): Authenticated | Promise<Authenticated> {
  const { authority } = deps;
  const caller: Caller = { hash: deps.crypto.keyHash(secret), gatewayId: deps.gatewayId, ip };
  const decision = admitKey(authority.view, authority.freshness(), caller);
  return decision.kind === "unsure" ? judgeAgain(authority, caller) : settled(decision, ip);
}

async function judgeAgain(authority: Authority, caller: Caller): Promise<Authenticated> {
  await authority.waitForUnknown();
  return settled(admitKey(authority.view, authority.freshness(), caller, true), caller.ip);
}

function settled(decision: KeyDecision, ip: Address | undefined): Authenticated {
  if (decision.kind === "admitted") return { ok: true, principal: decision.principal, ip };
  if (decision.kind === "refused") return { ok: false, refusal: decision.refusal, key: decision.key, ip };
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

/**
 * OpenID providers by openid-client: discovery, authorization code with PKCE, ID tokens whose signature is always looked
 * at. Addresses come from tenants and from what their providers publish, so every request is a guarded one, and no
 * redirect is followed.
 */

import * as oidc from "openid-client";
import type { IdentityProvider, IdentityProviders, SignInBinding } from "../../ports.ts";

/** A `fetch` of one organization that reaches what the operator allows. */
type FetchOf = (orgId: string) => (address: string, init: RequestInit) => Promise<Response>;

const TIMEOUT_SECONDS = 5;
const REMEMBERED_MS = 60_000;
const REMEMBERED_MAX = 1_000;
/** OpenID Connect Core §5.4. */
const SCOPES = "openid email profile";

export function createIdentityProviders(fetchOf: FetchOf): IdentityProviders {
  const discover = rememberDiscoveries(fetchOf);
  return {
    async authorize(provider, binding) {
      try {
        return await authorizationUrl(await discover(provider), binding);
      } catch (error) {
        return { failed: "unavailable", words: wordsOf(error) };
      }
    },
    async exchange(provider, binding, returned) {
      try {
        return { claims: await claimsOf(await discover(provider), binding, returned) };
      } catch (error) {
        return { failed: isAway(error) ? "unavailable" : "refused", words: wordsOf(error) };
      }
    },
  };
}

async function authorizationUrl(
  config: oidc.Configuration,
  { redirectUri, state, nonce, codeVerifier }: SignInBinding,
): Promise<URL> {
  return oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: SCOPES,
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: "S256",
  });
}

/**
 * Anybody may begin a sign-in, so a provider is asked for its discovery once at a time, and again after a minute. What has
 * failed is not remembered.
 */
function rememberDiscoveries(fetchOf: FetchOf) {
  const known = new Map<string, { atMs: number; config: Promise<oidc.Configuration> }>();
  return (provider: IdentityProvider): Promise<oidc.Configuration> => {
    const { orgId, issuer, clientId, clientSecret } = provider;
    const name = JSON.stringify([orgId, issuer, clientId, clientSecret]);
    const held = known.get(name);
    if (held !== undefined && performance.now() - held.atMs < REMEMBERED_MS) return held.config;
    const config = discover(fetchOf, provider);
    known.delete(name);
    known.set(name, { atMs: performance.now(), config });
    config.catch(() => known.delete(name));
    const [oldest] = known.keys();
    if (known.size > REMEMBERED_MAX && oldest !== undefined) known.delete(oldest);
    return config;
  };
}

function discover(fetchOf: FetchOf, { orgId, issuer, clientId, clientSecret }: IdentityProvider) {
  const url = new URL(issuer);
  const plain = url.protocol === "http:" ? [oidc.allowInsecureRequests] : [];
  const authentication = clientSecret === null ? oidc.None() : oidc.ClientSecretBasic(clientSecret);
  const fetchGuarded = fetchOf(orgId);
  return oidc.discovery(url, clientId, undefined, authentication, {
    execute: [...plain, oidc.enableNonRepudiationChecks],
    timeout: TIMEOUT_SECONDS,
    [oidc.customFetch]: (address, init) =>
      fetchGuarded(address, init as RequestInit).catch((error: unknown) => {
        throw new Unreached(error);
      }),
  });
}

async function claimsOf(config: oidc.Configuration, binding: SignInBinding, returned: URL) {
  const tokens = await oidc.authorizationCodeGrant(config, returned, {
    expectedState: binding.state,
    expectedNonce: binding.nonce,
    pkceCodeVerifier: binding.codeVerifier,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (claims === undefined) throw new Error("there is no ID token");
  if (config.serverMetadata().userinfo_endpoint === undefined) return claims;
  // Many providers keep the address and the groups out of the ID token (OpenID Connect Core §5.3).
  const more = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
  return { ...more, ...claims };
}

/** A request that had no answer, for whatever reason: nobody has been refused by it. */
class Unreached extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : "the provider was not reached", { cause });
  }
}

/** What a network has done, or who did not answer as such a provider, somewhere down the causes; the rest did not hold. */
function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof Unreached || error.name === "TimeoutError") return true;
  const code = "code" in error ? String(error.code) : "";
  if (/^OAUTH_(TIMEOUT|RESPONSE_IS_NOT_CONFORM|RESPONSE_IS_NOT_JSON|PARSE_ERROR)$/.test(code)) return true;
  // It has said itself that it cannot now.
  if ("status" in error && Number(error.status) >= 500) return true;
  return isAway(error.cause);
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

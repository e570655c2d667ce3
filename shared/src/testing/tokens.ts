/** Ephemeral tokens as the control plane makes them, with a key pair of the test's own. */
import { EPHEMERAL_PREFIX } from "../key/secret.ts";
import { toBase64Url } from "../wire/chain.ts";
import { createSign, createVerify, type Sign, type Verify } from "../wire/sign.ts";
import type { TokenLimits, TokenPayload } from "../wire/token.ts";
import { buildKey, NOW_MS } from "./records.ts";

export const NO_LIMITS: TokenLimits = {
  models: null,
  providers: null,
  ip: null,
  rpm: null,
  tpm: null,
  mcp: null,
};

/** A token of `buildKey()` that lives for an hour from `NOW_MS`. */
export function buildTokenPayload(changes: Partial<TokenPayload> = {}): TokenPayload {
  const seconds = NOW_MS / 1000;
  return {
    iss: "claviger",
    aud: "org_000000000001",
    sub: buildKey().id,
    pg: 1,
    jti: "tok_000000000001",
    iat: seconds,
    exp: seconds + 3600,
    lim: NO_LIMITS,
    mr: [1, 1],
    ...changes,
  };
}

/** A signer and the verifier that has pinned its key. */
export async function makeSigner(): Promise<{ sign: Sign; verify: Verify; key: CryptoKey; kid: string }> {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const x = toBase64Url(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const kid = x.slice(0, 16);
  const verify = await createVerify([{ kid, x }]);
  return { sign: createSign(pair.privateKey, kid), verify, key: pair.privateKey, kid };
}

/** The token as a client holds it. */
export async function signToken(sign: Sign, payload: object): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(payload));
  return EPHEMERAL_PREFIX + (await sign("clv-token+jws", bytes));
}

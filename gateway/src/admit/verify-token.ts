/**
 * Ephemeral tokens: is this one of ours, and what does it claim? Nobody is asked; the signature is checked against the
 * pinned keys once (about 170 µs) and remembered by the token's hash. What the parent may now is not decided here.
 */
import type { EphemeralClaims } from "@claviger/shared/decide/ephemeral";
import { EPHEMERAL_PREFIX } from "@claviger/shared/key/secret";
import type { Position } from "@claviger/shared/sync/position";
import type { Verify } from "@claviger/shared/wire/sign";
import { TokenPayload } from "@claviger/shared/wire/token";

/** A token whose signature, `alg`, `typ`, `kid`, `iss` and `aud` hold. */
export interface VerifiedToken {
  readonly claims: EphemeralClaims;
  /** What the gateway must hold before it judges the token by what it holds. */
  readonly minRevision: Position;
}

/** Undefined for whatever is no token of this organization. `hash` is the token's, `nowMs` forgets what has expired. */
export type VerifyToken = (
  token: string,
  hash: string,
  nowMs: number,
) => VerifiedToken | Promise<VerifiedToken | undefined>;

/** A few megabytes of verified tokens; of more, the oldest are verified again. */
const REMEMBERED_MAX = 10_000;

export function createVerifyToken(
  verify: Verify,
  organizationId: string,
  rememberedMax = REMEMBERED_MAX,
): VerifyToken {
  const remembered = new Map<string, VerifiedToken>();
  const read = async (token: string, hash: string, nowMs: number): Promise<VerifiedToken | undefined> => {
    const payload = await verify("clv-token+jws", token.slice(EPHEMERAL_PREFIX.length));
    const verified = payload && verifiedOf(payload, organizationId);
    if (verified === undefined || verified.claims.expiresAtMs <= nowMs) return verified;
    const [oldest] = remembered.keys();
    if (remembered.size >= rememberedMax && oldest !== undefined) remembered.delete(oldest);
    remembered.set(hash, verified);
    return verified;
  };
  return (token, hash, nowMs) => {
    const known = remembered.get(hash);
    if (known === undefined) return read(token, hash, nowMs);
    if (known.claims.expiresAtMs <= nowMs) remembered.delete(hash);
    return known;
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Undefined for an authentic payload of another organization, or of a form that is not known here. */
function verifiedOf(payload: Uint8Array, organizationId: string): VerifiedToken | undefined {
  const parsed = TokenPayload.safeParse(parse(payload));
  if (!parsed.success || parsed.data.aud !== organizationId) return undefined;
  const { sub, pg, jti, exp, lim, mr } = parsed.data;
  return {
    claims: {
      keyId: sub,
      generation: pg,
      tokenId: jti,
      expiresAtMs: exp * 1000,
      allowedModels: lim.models,
      allowedProviders: lim.providers,
      ipAllowlist: lim.ip,
      requestsPerMinute: lim.rpm,
      tokensPerMinute: lim.tpm,
      mcp: lim.mcp,
    },
    minRevision: { epoch: mr[0], rev: mr[1] },
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

/**
 * Compact JWS, EdDSA only, `typ` pinned per message (RFC 7515, RFC 8037). The exact bytes are signed, so nothing here
 * depends on a canonical form of JSON.
 */
import { CompactSign, compactVerify, decodeProtectedHeader, importJWK } from "jose";
import type { VerificationKey } from "./enrol.ts";

export type MessageType =
  | "clv-delta+jws"
  | "clv-snap+jws"
  | "clv-fresh+jws"
  | "clv-epoch+jws"
  | "clv-detached+jws"
  | "clv-query+jws"
  | "clv-slice+jws"
  | "clv-token+jws";

/** Signs the exact bytes given and returns the compact form. */
export type Sign = (type: MessageType, payload: Uint8Array) => Promise<string>;

/** Returns the exact payload bytes of an authentic message of that type; undefined for anything else. */
export type Verify = (type: MessageType, jws: string) => Promise<Uint8Array | undefined>;

/** True when the message says that it is an epoch's; nothing of it is verified. */
export function claimsEpoch(jws: string): boolean {
  try {
    return decodeProtectedHeader(jws).typ === "clv-epoch+jws";
  } catch {
    return false;
  }
}

/** A signer over an Ed25519 private key. */
export function createSign(key: CryptoKey, kid: string): Sign {
  return (type, payload) =>
    new CompactSign(payload).setProtectedHeader({ alg: "EdDSA", kid, typ: type }).sign(key);
}

/** A verifier that knows only the pinned keys; `crit`, `jwk`, `x5c` and every other way to bring a key are refused. */
export async function createVerify(keys: readonly VerificationKey[]): Promise<Verify> {
  const byKid = new Map<string, CryptoKey>();
  for (const { kid, x } of keys) {
    const key = await importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA");
    if (key instanceof Uint8Array) throw new Error("an OKP key cannot be symmetric");
    byKid.set(kid, key as CryptoKey);
  }
  return async (type, jws) => {
    try {
      const { payload, protectedHeader } = await compactVerify(
        jws,
        (header) => {
          const key = byKid.get(header.kid ?? "");
          if (key === undefined) throw new Error("unknown kid");
          return key;
        },
        { algorithms: ["EdDSA"] },
      );
      return protectedHeader.typ === type ? payload : undefined;
    } catch {
      return undefined;
    }
  };
}

/**
 * How a call of the HTTPS courier says who makes it: an Ed25519 signature by the replica's nkey (RFC 8032) over method,
 * path with query, body, time and nonce, in four headers. The bargain: organization and replica come from the key that
 * signed and from nothing in the call; whoever changes a byte of what is signed has no call.
 */
import { fromBase64Url, toBase64Url } from "./chain.ts";

export const courierHeaders = {
  /** The public nkey, `U…`. */
  key: "claviger-key",
  /** On a call the caller's time, on an answer the control plane's, in Unix milliseconds. */
  time: "claviger-time",
  /** 16 to 64 characters of base64url that no other call of this key has. */
  nonce: "claviger-nonce",
  /** Base64url of 64 bytes. */
  signature: "claviger-signature",
} as const;

/** On the answer to a call of a detached replica: the signed statement that it is (`detached.ts`). No call carries it. */
export const DETACHED_HEADER = "claviger-detached";

/** A call's time may be this far from the control plane's clock, in milliseconds. */
export const COURIER_CLOCK_MS_MAX = 300_000;

/** A call that is held is answered after this long at the latest, in milliseconds. */
export const WAIT_MS_MAX = 25_000;

/** What the headers say, before any of it is believed. */
export interface CallClaim {
  readonly key: string;
  /** As it was written; digits only. */
  readonly time: string;
  readonly nonce: string;
  readonly signature: Uint8Array;
}

/** What a call is, without who makes it. `target` is path and query as the control plane sees them. */
export interface CallContent {
  readonly method: string;
  readonly target: string;
  readonly body: Uint8Array;
}

/** The exact bytes that are signed. No part can hold a line feed, so that no two calls have the same. */
export async function courierCallBytes(
  { method, target, body }: CallContent,
  { key, time, nonce }: Omit<CallClaim, "signature">,
): Promise<Uint8Array> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body as BufferSource));
  const lines = ["clv-courier/v1", key, method, target, toBase64Url(digest), time, nonce];
  return new TextEncoder().encode(lines.join("\n"));
}

/** The headers of a signed call. `sign` is Ed25519 by the private half of `key`. */
export async function signCourierCall(
  content: CallContent,
  caller: { key: string; timeMs: number; nonce: string },
  sign: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>,
): Promise<Record<string, string>> {
  const claim = { key: caller.key, time: String(Math.floor(caller.timeMs)), nonce: caller.nonce };
  const signature = await sign(await courierCallBytes(content, claim));
  return {
    [courierHeaders.key]: claim.key,
    [courierHeaders.time]: claim.time,
    [courierHeaders.nonce]: claim.nonce,
    [courierHeaders.signature]: toBase64Url(signature),
  };
}

/** Reads the four headers; undefined when one is missing or could be written in another way. */
export function readCallClaim(header: (name: string) => string | null): CallClaim | undefined {
  const key = header(courierHeaders.key) ?? "";
  const time = header(courierHeaders.time) ?? "";
  const nonce = header(courierHeaders.nonce) ?? "";
  const encoded = header(courierHeaders.signature) ?? "";
  if (!/^U[A-Z2-7]{55}$/.test(key) || !/^[1-9][0-9]{0,15}$/.test(time)) return undefined;
  if (!/^[A-Za-z0-9_-]{16,64}$/.test(nonce) || !/^[A-Za-z0-9_-]{86}$/.test(encoded)) return undefined;
  const signature = fromBase64Url(encoded);
  // The last character has four bits that say nothing.
  return toBase64Url(signature) === encoded ? { key, time, nonce, signature } : undefined;
}

/** True when the private half of these 32 public bytes, which are `claim.key`'s, signed exactly this call. */
export async function isSignedBy(
  publicBytes: Uint8Array,
  content: CallContent,
  claim: CallClaim,
): Promise<boolean> {
  try {
    const algorithm = { name: "Ed25519" };
    const key = await crypto.subtle.importKey("raw", publicBytes as BufferSource, algorithm, false, [
      "verify",
    ]);
    const bytes = await courierCallBytes(content, claim);
    return await crypto.subtle.verify(algorithm, key, claim.signature as BufferSource, bytes as BufferSource);
  } catch {
    return false;
  }
}

/** The hash chain over an organization's changes. */

/** What `GENESIS_CHAIN` spells. */
export const GENESIS_CHAIN_BYTES = new Uint8Array(32);

/** `SHA-256(prev || SHA-256(payload))`, base64url, over the exact payload bytes of the delta's JWS. */
export async function nextChain(prev: string, payload: Uint8Array): Promise<string> {
  const inner = new Uint8Array(await crypto.subtle.digest("SHA-256", payload as BufferSource));
  const previous = fromBase64Url(prev);
  const joined = new Uint8Array(previous.length + inner.length);
  joined.set(previous);
  joined.set(inner, previous.length);
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", joined)));
}

/** Unpadded base64url (RFC 4648 §5). */
export function toBase64Url(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Bytes of an unpadded base64url text; throws on anything else. */
export function fromBase64Url(text: string): Uint8Array {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(plain.length);
  for (let i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i);
  return bytes;
}

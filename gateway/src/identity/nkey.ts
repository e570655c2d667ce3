/** The text form of a NATS user's seed, and signing by it with WebCrypto. */

/** DER of a PKCS#8 Ed25519 private key up to its 32 bytes (RFC 8410). */
const PKCS8_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** PKCS#8 of the Ed25519 key in NATS's text form (`SU…`, 58 characters); throws on another text. */
export function pkcs8Of(seed: string): Uint8Array<ArrayBuffer> {
  // Two bytes say what it is, the last two are a checksum.
  const decoded = fromBase32(seed);
  if (!seed.startsWith("SU") || decoded.length !== 36) throw new Error("not the seed of a user's nkey");
  return new Uint8Array([...PKCS8_HEAD, ...decoded.slice(2, 34)]);
}

/** Ed25519 by that seed; each signature is made by the platform, off this thread. */
export function webSignerOf(seed: string): (bytes: Uint8Array) => Promise<Uint8Array> {
  const algorithm = { name: "Ed25519" };
  const key = crypto.subtle.importKey("pkcs8", pkcs8Of(seed), algorithm, false, ["sign"]);
  return async (bytes) =>
    new Uint8Array(await crypto.subtle.sign(algorithm, await key, bytes as BufferSource));
}

/** Unpadded base32 (RFC 4648 §6). */
function fromBase32(text: string): number[] {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    const index = BASE32.indexOf(letter);
    if (index < 0) throw new Error("not base32");
    value = ((value << 5) | index) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return bytes;
}

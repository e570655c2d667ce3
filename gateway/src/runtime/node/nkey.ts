/** Signing by the replica's nkey through node:crypto: microseconds, where the bus library takes tens of milliseconds. */
import { createPrivateKey, sign } from "node:crypto";

/** DER of a PKCS#8 Ed25519 private key up to its 32 bytes (RFC 8410). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Ed25519 by a seed in NATS's text form (`SU…`, 58 characters); throws on another text. */
export function signerOf(seed: string): (bytes: Uint8Array) => Uint8Array {
  // Two bytes say what it is, the last two are a checksum.
  const decoded = fromBase32(seed);
  if (!seed.startsWith("SU") || decoded.length !== 36) throw new Error("not the seed of a user's nkey");
  const der = Buffer.concat([PKCS8_HEAD, decoded.subarray(2, 34)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return (bytes) => sign(null, bytes, key);
}

/** Unpadded base32 (RFC 4648 §6). */
function fromBase32(text: string): Buffer {
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
  return Buffer.from(bytes);
}

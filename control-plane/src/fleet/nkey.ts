/**
 * NATS identities: Ed25519 keys in NATS's text form (base32 of prefix byte, key and CRC-16), by node:crypto, which signs
 * in microseconds where the pure JavaScript of the client library takes tens of milliseconds.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

const PREFIX = { operator: 14 << 3, account: 0, user: 20 << 3 } as const;
export type NkeyRole = keyof typeof PREFIX;

/** DER of a PKCS#8 Ed25519 private key up to its 32 bytes (RFC 8410). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export interface Nkey {
  /** `O…`, `A…` or `U…`, 56 characters. */
  readonly publicKey: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/** The key pair of a 32-byte Ed25519 seed. */
export function nkeyOf(role: NkeyRole, seed: Uint8Array): Nkey {
  const key = privateKeyOf(seed);
  return {
    publicKey: encodeNkey(role, publicBytesOf(key)),
    sign: (bytes) => sign(null, bytes, key),
  };
}

/** node:crypto's form of a 32-byte Ed25519 seed. */
export function privateKeyOf(seed: Uint8Array): KeyObject {
  if (seed.length !== 32) throw new Error("an Ed25519 seed has 32 bytes");
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
}

/** The 32 public bytes of an Ed25519 private key. */
export function publicBytesOf(key: KeyObject): Uint8Array {
  const { x } = createPublicKey(key).export({ format: "jwk" });
  if (x === undefined) throw new Error("not an Ed25519 key");
  return Buffer.from(x, "base64url");
}

function encodeNkey(role: NkeyRole, publicKey: Uint8Array): string {
  const body = Buffer.concat([Buffer.from([PREFIX[role]]), publicKey]);
  const sum = crc16(body);
  return base32(Buffer.concat([body, Buffer.from([sum & 0xff, sum >> 8])]));
}

/** True for a well-formed public key of that role, checksum included. */
export function isNkey(role: NkeyRole, text: string): boolean {
  return nkeyBytes(role, text) !== undefined;
}

/** The 32 bytes of a public key of that role; undefined when the text is none. */
export function nkeyBytes(role: NkeyRole, text: string): Uint8Array | undefined {
  const bytes = fromBase32(text);
  if (bytes?.length !== 35 || bytes[0] !== PREFIX[role]) return undefined;
  return crc16(bytes.subarray(0, 33)) === bytes.readUInt16LE(33) ? bytes.subarray(1, 33) : undefined;
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

/** Unpadded base32 (RFC 4648 §6). */
export function base32(bytes: Uint8Array): string {
  let bits = 0;
  let value = 0;
  let text = "";
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(value >> bits) & 31];
    }
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

function fromBase32(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    const index = BASE32.indexOf(letter);
    if (index < 0) return undefined;
    value = ((value << 5) | index) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  return Buffer.from(bytes);
}

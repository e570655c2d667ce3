/** Hashes and ids as numbers and back: what a row of `packed-rows.ts` holds of a key's names. */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
/** By character code; 64 for whatever is no digit. */
const VALUES = new Uint8Array(128).fill(64);
for (let value = 0; value < 64; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

const CODES = Uint8Array.from(ALPHABET, (digit) => digit.charCodeAt(0));

const HASH_LENGTH = 43;
/** Five digits of six bits in each number but the last. */
const HASH_DIGITS = 5;
export const HASH_COLUMNS = 9;
const ID_LENGTH = 16;
const ID_START = 4;
const ID_DIGITS = 4;
export const ID_COLUMNS = 3;
const KINDS = ["key_", "agt_"] as const;
const KIND_BITS = 24;

/** Writes a hash of 43 base64url characters; false for any other text. */
export function packHash(text: string, into: Int32Array, at: number): boolean {
  return text.length === HASH_LENGTH && packDigits(text, 0, HASH_DIGITS, into, at);
}

/** Writes an id of a key or an agent; false for any other text. */
export function packId(text: string, into: Int32Array, at: number): boolean {
  if (text.length !== ID_LENGTH) return false;
  const kind = text.startsWith(KINDS[0]) ? 0 : 1;
  if (kind === 1 && !text.startsWith(KINDS[1])) return false;
  if (!packDigits(text, ID_START, ID_DIGITS, into, at)) return false;
  into[at] = (into[at] as number) | (kind << KIND_BITS);
  return true;
}

function packDigits(text: string, start: number, each: number, into: Int32Array, at: number): boolean {
  let invalid = 0;
  let column = at;
  for (let i = start; i < text.length; column++) {
    let packed = 0;
    for (const end = Math.min(text.length, i + each); i < end; i++) {
      const value = VALUES[text.charCodeAt(i)] ?? 64;
      invalid |= value;
      packed = (packed << 6) | (value & 63);
    }
    into[column] = packed;
  }
  return (invalid & 64) === 0;
}

/** `read` gives the numbers that `packHash` has written, by their place among them. */
export function unpackHash(read: (column: number) => number): string {
  let text = "";
  for (let column = 0; column < HASH_COLUMNS; column++) {
    const digits = Math.min(HASH_DIGITS, HASH_LENGTH - column * HASH_DIGITS);
    text += unpackDigits(read(column), digits);
  }
  return text;
}

/** The same of `packId`; made at once, because it stands on the way of every request. */
export function unpackId(a: number, b: number, c: number): string {
  const kind = KINDS[a >> KIND_BITS] as string;
  return (
    kind +
    String.fromCharCode(
      code(a >> 18),
      code(a >> 12),
      code(a >> 6),
      code(a),
      code(b >> 18),
      code(b >> 12),
      code(b >> 6),
      code(b),
      code(c >> 18),
      code(c >> 12),
      code(c >> 6),
      code(c),
    )
  );
}

function code(digit: number): number {
  return CODES[digit & 63] as number;
}

function unpackDigits(packed: number, digits: number): string {
  let text = "";
  for (let shift = (digits - 1) * 6; shift >= 0; shift -= 6) text += ALPHABET[(packed >> shift) & 63];
  return text;
}

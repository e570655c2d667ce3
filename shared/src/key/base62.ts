/** Base62 (`0-9A-Za-z`, most significant digit first): the alphabet of ids, secrets and checksums. */

export const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Gives that many cryptographically random bytes. */
export type RandomBytes = (length: number) => Uint8Array;

/** The largest multiple of 62 in a byte: values from here on are thrown away, or the first eight digits would be likelier. */
const FAIR = 248;

/** A source that gives nothing usable this many times in a row is broken, not unlucky (chance below 2⁻¹²⁸). */
const ROUNDS_MAX = 64;

/** `length` digits, each uniform and independent: 5.954 bits per digit. Throws when the source is broken. */
export function randomBase62(random: RandomBytes, length: number): string {
  let text = "";
  for (let round = 0; text.length < length; round++) {
    if (round === ROUNDS_MAX) throw new Error("the source of random bytes is broken");
    for (const byte of random(length + 8)) {
      if (byte < FAIR && text.length < length) text += BASE62[byte % 62];
    }
  }
  return text;
}

/** A non-negative integer below 62^`length`, padded with zeros to `length` digits. */
export function toBase62(value: number, length: number): string {
  let text = "";
  let rest = value;
  for (let i = 0; i < length; i++) {
    text = BASE62.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `length` characters of base62, each equally likely. */
export function randomBase62(random: (bytes: number) => Uint8Array, length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of random(length - text.length)) {
      // 248 is the largest multiple of 62 in a byte; what lies above would favour the first letters.
      if (byte < 248) text += ALPHABET.charAt(byte % 62);
    }
  }
  return text;
}

/** `<prefix>_<12 base62>`: 71 bits, so that ids of different organizations never meet. */
export function newId(random: (bytes: number) => Uint8Array, prefix: string): string {
  return `${prefix}_${randomBase62(random, 12)}`;
}

/**
 * The lexical level of strict JSON (RFC 8259) over UTF-8 bytes: each `skip…` returns the index behind the token, or a
 * negative fault. Nothing is copied until a text is asked for.
 */

export const FAULT_SYNTAX = -1;
export const FAULT_UTF8 = -2;
export const FAULT_SURROGATE = -3;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Index of the first byte at or after `at` that is no JSON white space. */
export function skipBlanks(bytes: Uint8Array, at: number): number {
  let i = at;
  while (i < bytes.length) {
    const b = bytes[i] as number;
    if (b !== 0x20 && b !== 0x0a && b !== 0x0d && b !== 0x09) break;
    i++;
  }
  return i;
}

/** `at` is the first byte behind the opening quote. `words` is a view of the same bytes. */
export function skipString(bytes: Uint8Array, words: DataView, at: number): number {
  let i = at;
  for (;;) {
    i = skipPlain(bytes, words, i);
    if (i >= bytes.length) return FAULT_SYNTAX;
    const b = bytes[i] as number;
    if (b === QUOTE) return i + 1;
    if (b === BACKSLASH) i = skipEscape(bytes, i + 1);
    else i = b < 0x80 ? FAULT_SYNTAX : skipSequence(bytes, i);
    if (i < 0) return i;
  }
}

/** Passes over ASCII that stands for itself, sixteen bytes at a time where there are sixteen. */
function skipPlain(bytes: Uint8Array, words: DataView, at: number): number {
  const last = bytes.length - 16;
  let i = at;
  for (; i <= last; i += 16) {
    const a = words.getInt32(i, true);
    const b = words.getInt32(i + 4, true);
    const c = words.getInt32(i + 8, true);
    const d = words.getInt32(i + 12, true);
    if (((marks(a) | marks(b) | marks(c) | marks(d)) & HIGH_BITS) !== 0) break;
  }
  for (; i <= bytes.length - 4; i += 4) {
    const found = marks(words.getInt32(i, true)) & HIGH_BITS;
    if (found !== 0) return i + lowest(found);
  }
  while (i < bytes.length) {
    const b = bytes[i] as number;
    if (b < 0x20 || b === QUOTE || b === BACKSLASH || b >= 0x80) break;
    i++;
  }
  return i;
}

const HIGH_BITS = -0x7f7f7f80;

/**
 * Four bytes in one word: the lowest of the high bits that is set stands in the first byte that is ≥ 0x80, a quote, a
 * backslash or below 0x20; none is set when there is no such byte. ("haszero" and "hasless" of Bit Twiddling Hacks without
 * their last step: it takes out bytes ≥ 0x80, which are wanted here. A borrow can mark only later bytes. A quote is told
 * together with what is below 0x20: with its second bit turned, each of them and nothing else is below 0x21.)
 */
function marks(word: number): number {
  return word | ((word ^ 0x02020202) - 0x21212121) | ((word ^ 0x5c5c5c5c) - 0x01010101);
}

/** Which byte of a word the lowest set bit stands in. */
function lowest(word: number): number {
  return (31 - Math.clz32(word & -word)) >> 3;
}

/** `at` is the byte behind the backslash. A surrogate must come as a pair, or the text is not one that UTF-8 can carry. */
function skipEscape(bytes: Uint8Array, at: number): number {
  const c = bytes[at] ?? 0;
  if (c !== 0x75) return IS_SIMPLE[c] === 1 ? at + 1 : FAULT_SYNTAX;
  const unit = readHex(bytes, at + 1);
  if (unit < 0) return FAULT_SYNTAX;
  if (unit < 0xd800 || unit > 0xdfff) return at + 5;
  if (unit > 0xdbff || bytes[at + 5] !== BACKSLASH || bytes[at + 6] !== 0x75) return FAULT_SURROGATE;
  const low = readHex(bytes, at + 7);
  return low >= 0xdc00 && low <= 0xdfff ? at + 11 : FAULT_SURROGATE;
}

/** The code point that a one-letter escape stands for, by its byte. */
const SIMPLE: Record<number, number> = {
  34: 0x22,
  92: 0x5c,
  47: 0x2f,
  98: 0x08,
  102: 0x0c,
  110: 0x0a,
  114: 0x0d,
  116: 0x09,
};
const IS_SIMPLE = Uint8Array.from({ length: 256 }, (_, byte) => (byte in SIMPLE ? 1 : 0));

/** Four hexadecimal digits; −1 for anything else. */
function readHex(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const digit = hexDigit(bytes[i] ?? 0);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(b: number): number {
  if (b >= 0x30 && b <= 0x39) return b - 0x30;
  const letter = b | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** One well-formed UTF-8 sequence of 2 to 4 bytes (Unicode, table 3-7): no overlong forms, no surrogates. */
function skipSequence(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return FAULT_UTF8;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const second = bytes[at + 1] ?? 0;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return FAULT_UTF8;
  for (let i = at + 2; i < at + length; i++) {
    if (((bytes[i] ?? 0) & 0xc0) !== 0x80) return FAULT_UTF8;
  }
  return at + length;
}

/** A number as RFC 8259 §6 writes it. */
export function skipNumber(bytes: Uint8Array, at: number): number {
  const first = bytes[at] === 0x2d ? at + 1 : at;
  let i = bytes[first] === 0x30 ? first + 1 : skipDigits(bytes, first);
  if (i < 0) return i;
  if (bytes[i] === 0x2e) {
    i = skipDigits(bytes, i + 1);
    if (i < 0) return i;
  }
  if (((bytes[i] ?? 0) | 0x20) !== 0x65) return i;
  const sign = bytes[i + 1];
  return skipDigits(bytes, sign === 0x2b || sign === 0x2d ? i + 2 : i + 1);
}

/** At least one decimal digit. */
function skipDigits(bytes: Uint8Array, at: number): number {
  let i = at;
  while (i < bytes.length && (bytes[i] as number) >= 0x30 && (bytes[i] as number) <= 0x39) i++;
  return i === at ? FAULT_SYNTAX : i;
}

/** A hash of the text between two quotes, which `skipString` has found well-formed, however it is spelled. */
export function hashText(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; ) {
    const b = bytes[i] as number;
    if (b < 0x80 && b !== BACKSLASH) {
      hash = Math.imul(hash ^ b, 0x01000193);
      i++;
    } else {
      const step = readPoint(bytes, i);
      hash = Math.imul(hash ^ (step >> WIDTH_BITS), 0x01000193);
      i += step & WIDTH_MASK;
    }
  }
  return hash | 0;
}

/** Whether two such texts are the same, however they are spelled; looks no further than the first difference. */
export function isSameText(
  bytes: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  let i = start;
  let k = otherStart;
  while (i < end && k < otherEnd) {
    const one = readPoint(bytes, i);
    const other = readPoint(bytes, k);
    if (one >> WIDTH_BITS !== other >> WIDTH_BITS) return false;
    i += one & WIDTH_MASK;
    k += other & WIDTH_MASK;
  }
  return i === end && k === otherEnd;
}

/** Whether such a text is `word`, which is ASCII; looks no further than the first difference. */
export function isWord(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  let i = start;
  let k = 0;
  while (i < end && k < word.length) {
    const step = readPoint(bytes, i);
    if (step >> WIDTH_BITS !== word.charCodeAt(k++)) return false;
    i += step & WIDTH_MASK;
  }
  return i === end && k === word.length;
}

/** The text between two quotes. Character by character: for short ones only. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; ) {
    const step = readPoint(bytes, i);
    text += String.fromCodePoint(step >> WIDTH_BITS);
    i += step & WIDTH_MASK;
  }
  return text;
}

/** A code point is spelled with 12 bytes at most: two escapes. */
const WIDTH_BITS = 4;
const WIDTH_MASK = 15;

/** The code point at `at` and, in its lowest bits, how many bytes spell it. */
function readPoint(bytes: Uint8Array, at: number): number {
  const b = bytes[at] as number;
  if (b === BACKSLASH) return readEscape(bytes, at);
  if (b < 0x80) return (b << WIDTH_BITS) | 1;
  const length = b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
  let point = b & (0x7f >> length);
  for (let k = 1; k < length; k++) point = (point << 6) | ((bytes[at + k] as number) & 0x3f);
  return (point << WIDTH_BITS) | length;
}

function readEscape(bytes: Uint8Array, at: number): number {
  const c = bytes[at + 1] as number;
  if (c !== 0x75) return ((SIMPLE[c] as number) << WIDTH_BITS) | 2;
  const unit = readHex(bytes, at + 2);
  if (unit < 0xd800 || unit > 0xdfff) return (unit << WIDTH_BITS) | 6;
  const low = readHex(bytes, at + 8);
  return ((0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)) << WIDTH_BITS) | 12;
}

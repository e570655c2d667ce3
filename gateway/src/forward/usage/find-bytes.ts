/** Byte search on the side of the relay: no decoding, no parsing, runs on every runtime. */

/** A needle with its Horspool skip table. */
export interface Needle {
  readonly bytes: Uint8Array;
  readonly skip: Uint8Array;
}

/** Prepares an ASCII needle of at most 255 bytes. */
export function needle(text: string): Needle {
  const bytes = new TextEncoder().encode(text);
  const skip = new Uint8Array(256).fill(bytes.length);
  for (let i = 0; i < bytes.length - 1; i++) skip[bytes[i] as number] = bytes.length - 1 - i;
  return { bytes, skip };
}

/** Position of the first occurrence at or after `from`, −1 when there is none. */
export function find(haystack: Uint8Array, { bytes, skip }: Needle, from = 0): number {
  const last = bytes.length - 1;
  const lastByte = bytes[last];
  for (let end = from + last; end < haystack.length; ) {
    const byte = haystack[end] as number;
    if (byte === lastByte) {
      let k = last - 1;
      while (k >= 0 && haystack[end - last + k] === bytes[k]) k--;
      if (k < 0) return end - last;
    }
    end += skip[byte] as number;
  }
  return -1;
}

export const LF = 10;
export const CR = 13;
const SPACE = 32;
const TAB = 9;
const COMMA = 44;
const COLON = 58;
export const OPEN = 123;
const CLOSE = 125;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
export const QUOTE = 34;
const BACKSLASH = 92;

/** First byte of the value of the member whose quoted name ends before `at`; −1 when no colon follows. */
export function valueAfter(bytes: Uint8Array, at: number): number {
  const i = skipSpace(bytes, at);
  return bytes[i] === COLON ? skipSpace(bytes, i + 1) : -1;
}

/** Where the first object begins at or after `from` that is the value of such a member; −1 when there is none. */
function findObject(bytes: Uint8Array, member: Needle, from: number): number {
  const size = member.bytes.length;
  for (let at = find(bytes, member, from); at >= 0; at = find(bytes, member, at + size)) {
    const value = valueAfter(bytes, at + size);
    if (value >= 0 && bytes[value] === OPEN) return value;
  }
  return -1;
}

/**
 * The member `name: null` of the object that a line holds, with the comma that goes with it: a range that can be taken
 * out. `at` is the name's quote, `value` where the null begins. Undefined when it stands deeper than the line's object.
 */
export function nullMember(
  bytes: Uint8Array,
  at: number,
  value: number,
): readonly [start: number, end: number] | undefined {
  const end = value + 4;
  if (bytes[value] !== 0x6e || bytes[value + 1] !== 0x75 || bytes[value + 2] !== 0x6c) return undefined;
  if (bytes[value + 3] !== 0x6c || !endsLine(bytes, end)) return undefined;
  let before = at - 1;
  while (isBlank(bytes[before])) before--;
  if (bytes[before] === COMMA) return [before, end];
  const after = skipSpace(bytes, end);
  return bytes[before] === OPEN && bytes[after] === COMMA ? [at, after + 1] : undefined;
}

/** True when one object closes behind `from`, and the line with it. */
function endsLine(bytes: Uint8Array, from: number): boolean {
  for (let i = from, depth = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) i = stringEnd(bytes, i);
    else if (byte === OPEN || byte === OPEN_LIST) depth++;
    else if (byte === CLOSE || byte === CLOSE_LIST) {
      if (depth > 0) depth--;
      else {
        while (isBlank(bytes[i + 1])) i++;
        return i + 1 === bytes.length || bytes[i + 1] === LF || bytes[i + 1] === CR;
      }
    } else if (byte === LF || byte === CR) return false;
  }
  return false;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let i = from;
  for (; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte !== SPACE && byte !== TAB && byte !== LF && byte !== CR) break;
  }
  return i;
}

/**
 * The last `"usage": {…}` that stands `level` deep in the one value that `bytes` end with: from its brace to behind its
 * end. One pass, from the first look-alike on, because the bytes may begin in the middle of anything; how deep that is
 * shows at the end.
 */
export function findTopUsage(
  bytes: Uint8Array,
  member: Needle,
  level: number,
): { start: number; end: number } | undefined {
  /** By depth: where a look-alike has begun that is still open, and the last one that has ended. */
  const begun = new Map<number, number>();
  const ended = new Map<number, { start: number; end: number }>();
  let next = findObject(bytes, member, 0);
  if (next < 0) return undefined;
  let depth = 0;
  for (let i = next; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = stringEnd(bytes, i);
    } else if (byte === OPEN || byte === OPEN_LIST) {
      if (i === next) {
        begun.set(depth, i);
        next = findObject(bytes, member, i);
      }
      depth++;
    } else if (byte === CLOSE || byte === CLOSE_LIST) {
      depth--;
      const start = begun.get(depth);
      if (start !== undefined) ended.set(depth, { start, end: i + 1 });
      begun.delete(depth);
    }
  }
  return ended.get(depth + level);
}

/** Position of the quote that closes the string opened at `at`, or the end of the bytes. */
export function stringEnd(bytes: Uint8Array, at: number): number {
  let i = at + 1;
  for (; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === BACKSLASH) i++;
    else if (byte === QUOTE) return i;
  }
  return i;
}

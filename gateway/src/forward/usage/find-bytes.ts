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
const COLON = 58;
const OPEN = 123;
const CLOSE = 125;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const QUOTE = 34;
const BACKSLASH = 92;

const USAGE = needle('"usage"');

/** The byte after `"usage"`, `:` and white space, when an object begins there: its position, else −1. */
export function findUsageObject(bytes: Uint8Array, from: number): number {
  for (let at = find(bytes, USAGE, from); at >= 0; at = find(bytes, USAGE, at + 7)) {
    let i = skipSpace(bytes, at + 7);
    if (bytes[i] !== COLON) continue;
    i = skipSpace(bytes, i + 1);
    if (bytes[i] === OPEN) return i;
  }
  return -1;
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
 * The last `"usage": {…}` that stands at the top of the one object that `bytes` end with: from its brace to behind its
 * end. One pass, from the first look-alike on, because the bytes may begin in the middle of anything; how deep that is
 * shows at the end.
 */
export function findTopUsage(bytes: Uint8Array): { start: number; end: number } | undefined {
  /** By depth: where a look-alike has begun that is still open, and the last one that has ended. */
  const begun = new Map<number, number>();
  const ended = new Map<number, { start: number; end: number }>();
  let next = findUsageObject(bytes, 0);
  if (next < 0) return undefined;
  let depth = 0;
  for (let i = next; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = stringEnd(bytes, i);
    } else if (byte === OPEN || byte === OPEN_LIST) {
      if (i === next) {
        begun.set(depth, i);
        next = findUsageObject(bytes, i);
      }
      depth++;
    } else if (byte === CLOSE || byte === CLOSE_LIST) {
      depth--;
      const start = begun.get(depth);
      if (start !== undefined) ended.set(depth, { start, end: i + 1 });
      begun.delete(depth);
    }
  }
  return ended.get(depth + 1);
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

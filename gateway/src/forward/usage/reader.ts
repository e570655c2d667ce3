/** Reads usage on the side while an answer passes. What is read never changes what the caller gets, save `strip`. */
import type { Usage } from "@claviger/shared/money/cost";
import { find, type Needle, QUOTE, stringEnd, valueAfter } from "./find-bytes.ts";

export interface UsageReader {
  /** Takes the provider's bytes and returns those that may go to the caller now. */
  pass(bytes: Uint8Array): Uint8Array | undefined;
  /** What was held back at the end of the answer. */
  finish(): Uint8Array | undefined;
  /** What the provider said last; null when it said nothing. */
  tokens(): Usage | null;
  /** Whether that was its last word, as far as its dialect marks one: what comes before grows. */
  isLast(): boolean;
  /** Bytes of generated text seen, for the bound of an answer whose usage never came. */
  textBytes(): number;
}

/** Bytes of text that these members hold in whole events or a whole body. Escapes count as written, so never too few. */
export function countText(bytes: Uint8Array, members: readonly Needle[]): number {
  let sum = 0;
  for (const each of members) {
    const size = each.bytes.length;
    for (let at = find(bytes, each); at >= 0; at = find(bytes, each, at)) {
      const start = valueAfter(bytes, at + size) + 1;
      if (start === 0 || bytes[start - 1] !== QUOTE) {
        at += size;
        continue;
      }
      at = stringEnd(bytes, start - 1);
      sum += at - start;
    }
  }
  return sum;
}

/** Whether one of these members has a text for its value, anywhere. */
export function hasText(bytes: Uint8Array, members: readonly Needle[]): boolean {
  return members.some((each) => {
    const size = each.bytes.length;
    for (let at = find(bytes, each); at >= 0; at = find(bytes, each, at + size)) {
      const start = valueAfter(bytes, at + size);
      if (start >= 0 && bytes[start] === QUOTE) return true;
    }
    return false;
  });
}

/** For an answer that cannot be read (an encoding that nobody here knows): passes everything, knows its size. */
export function blindReader(): UsageReader {
  let seen = 0;
  return {
    pass(bytes) {
      seen += bytes.length;
      return bytes;
    },
    finish: () => undefined,
    tokens: () => null,
    isLast: () => true,
    textBytes: () => seen,
  };
}

/** For an answer that tells no usage and has no text in it that could be counted: sound, or what is never billed. */
export function muteReader(): UsageReader {
  return MUTE;
}

const MUTE: UsageReader = {
  pass: (bytes) => bytes,
  finish: () => undefined,
  tokens: () => null,
  isLast: () => true,
  textBytes: () => 0,
};

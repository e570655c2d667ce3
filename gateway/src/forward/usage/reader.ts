/** Reads usage on the side while an answer passes. What is read never changes what the caller gets, save `strip`. */
import type { Tokens } from "@claviger/shared/wire/usage";
import type { DialectUsage } from "./dialect-usage.ts";
import { find, stringEnd } from "./find-bytes.ts";

export interface UsageReader {
  /** Takes the provider's bytes and returns those that may go to the caller now. */
  pass(bytes: Uint8Array): Uint8Array | undefined;
  /** What was held back at the end of the answer. */
  finish(): Uint8Array | undefined;
  /** What the provider said last; null when it said nothing. */
  tokens(): Tokens | null;
  /** Bytes of generated text seen, for the bound of an answer whose usage never came. */
  textBytes(): number;
}

/** Bytes of generated text in whole events or a whole body. Escapes count as written, so never too few. */
export function countText(bytes: Uint8Array, dialect: DialectUsage): number {
  let sum = 0;
  for (const each of dialect.textNeedles) {
    for (let at = find(bytes, each); at >= 0; at = find(bytes, each, at)) {
      const start = at + each.bytes.length;
      at = stringEnd(bytes, start - 1);
      sum += at - start;
    }
  }
  return sum;
}

/** For an answer that cannot be read (an encoding that was not asked for): passes everything, knows its size. */
export function blindReader(): UsageReader {
  let seen = 0;
  return {
    pass(bytes) {
      seen += bytes.length;
      return bytes;
    },
    finish: () => undefined,
    tokens: () => null,
    textBytes: () => seen,
  };
}

/** Usage of an answer that is one JSON object: found by its place at the top, parsed alone. */
import type { Tokens } from "@claviger/shared/wire/usage";
import { type DialectUsage, isObject } from "./dialect-usage.ts";
import { findTopUsage } from "./find-bytes.ts";
import { countText, type UsageReader } from "./reader.ts";

/** Of a longer answer only the end is kept; providers write the usage after the content. */
const KEPT_BYTES_MAX = 1_048_576;

export function wholeReader(dialect: DialectUsage): UsageReader {
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  const body = () => {
    const [first] = kept;
    if (first === undefined) return new Uint8Array(0);
    if (kept.length > 1) kept = [join(kept, keptBytes)];
    return kept[0] as Uint8Array;
  };
  return {
    pass(bytes) {
      kept.push(bytes);
      keptBytes += bytes.length;
      while (keptBytes > KEPT_BYTES_MAX && kept.length > 1) keptBytes -= kept.shift()?.length ?? 0;
      return bytes;
    },
    finish: () => undefined,
    tokens: () => readWhole(body(), dialect),
    textBytes: () => countText(body(), dialect),
  };
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** A tool's input is free JSON and may hold a "usage" of its own, so only that of the answer itself is believed. */
function readWhole(body: Uint8Array, dialect: DialectUsage): Tokens | null {
  const found = findTopUsage(body);
  const usage = found && parse(body.subarray(found.start, found.end));
  return isObject(usage) ? dialect.tokensOf(usage) : null;
}

const decoder = new TextDecoder();

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    // A provider's garbage is no usage; the caller gets it as it came and the request is charged by its bound.
    return undefined;
  }
}

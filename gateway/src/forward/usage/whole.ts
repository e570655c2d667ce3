/** Usage of an answer that is one JSON object: found by its place at the top, parsed alone. */
import type { Tokens } from "@claviger/shared/wire/usage";
import { type DialectUsage, isObject } from "./dialect-usage.ts";
import { depthBefore, findUsageObject, objectEnd } from "./find-bytes.ts";
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

/**
 * A tool's input is free JSON and may hold a "usage" of its own, so only an object that one closing bracket separates
 * from the answer's end is believed.
 */
function readWhole(body: Uint8Array, dialect: DialectUsage): Tokens | null {
  for (let at = findUsageObject(body, 0); at >= 0; at = findUsageObject(body, at)) {
    const end = objectEnd(body, at);
    if (end < 0) return null;
    if (depthBefore(body, end) === 1) {
      const usage = parse(body.subarray(at, end));
      return isObject(usage) ? dialect.tokensOf(usage) : null;
    }
  }
  return null;
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

/** Usage of an answer that is one JSON object: found by its place at the top, parsed alone. */
import type { Usage } from "@claviger/shared/money/cost";
import { isSaid } from "@claviger/shared/money/usage";
import { type DialectUsage, isObject } from "./dialect-usage.ts";
import { find, findTopUsage, type Needle } from "./find-bytes.ts";
import { countText, hasText, type UsageReader } from "./reader.ts";

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
  const images = dialect.images === undefined ? undefined : new Counter(dialect.images);
  return {
    pass(bytes) {
      images?.look(bytes);
      kept.push(bytes);
      keptBytes += bytes.length;
      while (keptBytes > KEPT_BYTES_MAX && kept.length > 1) keptBytes -= kept.shift()?.length ?? 0;
      return bytes;
    },
    finish: () => undefined,
    tokens() {
      const said = readWhole(body(), dialect);
      if (images === undefined || isSaid(said)) return said;
      return images.count === 0 ? null : { ...NOT_SAID, images: images.count };
    },
    isLast: () => dialect.lastMarks === undefined || hasText(body(), dialect.lastMarks),
    textBytes: () => countText(body(), dialect.wholeText),
  };
}

const NOT_SAID: Usage = { input: null, cacheRead: null, cacheWrite: null, output: null, reasoning: null };

/** Counts names in passing bytes, wherever those are cut. */
class Counter {
  count = 0;
  readonly #names: readonly Needle[];
  #tail = new Uint8Array(0);

  constructor(names: readonly Needle[]) {
    this.#names = names;
  }

  look(bytes: Uint8Array): void {
    for (const name of this.#names) {
      const size = name.bytes.length;
      // Of those that a chunk has cut, each has its first byte in the tail and its last in these bytes.
      const tail = this.#tail.subarray(Math.max(0, this.#tail.length - size + 1));
      const seam = join([tail, bytes.subarray(0, size - 1)], tail.length + Math.min(size - 1, bytes.length));
      this.count += countOf(seam, name) + countOf(bytes, name);
    }
    const longest = Math.max(...this.#names.map((name) => name.bytes.length)) - 1;
    const joined = join(
      [this.#tail, bytes.subarray(-longest)],
      this.#tail.length + Math.min(longest, bytes.length),
    );
    this.#tail = joined.slice(-longest);
  }
}

function countOf(bytes: Uint8Array, name: Needle): number {
  let n = 0;
  for (let at = find(bytes, name); at >= 0; at = find(bytes, name, at + name.bytes.length)) n++;
  return n;
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
function readWhole(body: Uint8Array, dialect: DialectUsage): Usage | null {
  const found = findTopUsage(body, dialect.member, dialect.depth);
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

/**
 * Usage of a server-sent event stream. Bytes pass as they come; a copy is kept only of an event that a chunk has cut.
 * What came of our asking for usage, and not of the caller's, is taken out again: the extra event, and with it the
 * `"usage":null` of all others where that too is known to come of asking. Then an event is passed on when it is whole,
 * because only then is it known what it is.
 */
import type { Usage } from "@claviger/shared/money/cost";
import { mergeSaid } from "@claviger/shared/money/usage";
import { type DialectUsage, isObject } from "./dialect-usage.ts";
import { CR, find, LF, nullMember, OPEN, valueAfter } from "./find-bytes.ts";
import { countText, type UsageReader } from "./reader.ts";

/** An event that is longer than this holds no usage of ours and passes unread. */
const EVENT_BYTES_MAX = 1_048_576;

export type Strip = "nothing" | "extra" | "extra and nulls";

export function streamReader(dialect: DialectUsage, strip: Strip): UsageReader {
  const reader = new StreamReader(dialect, strip);
  return {
    pass: (bytes) => reader.pass(bytes),
    finish: () => reader.finish(),
    tokens: () => reader.tokens(),
    isLast: () => reader.isLast,
    textBytes: () => reader.textBytes,
  };
}

class StreamReader {
  textBytes = 0;
  isLast: boolean;
  #said: Readonly<Record<string, unknown>> | null = null;
  readonly #dialect: DialectUsage;
  readonly #strip: boolean;
  readonly #stripNulls: boolean;
  #held = new Uint8Array(0);
  #heldBytes = 0;

  constructor(dialect: DialectUsage, strip: Strip) {
    this.#dialect = dialect;
    this.isLast = dialect.isLast === undefined;
    this.#strip = strip !== "nothing";
    this.#stripNulls = strip === "extra and nulls";
  }

  tokens(): Usage | null {
    return this.#said === null ? null : this.#dialect.tokensOf(this.#said);
  }

  pass(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#heldBytes === 0 && lastBoundary(bytes, bytes.length) === bytes.length) {
      return this.#examine(bytes);
    }
    const searchedTo = Math.max(0, this.#heldBytes - 3);
    this.#hold(bytes);
    const end = lastBoundary(this.#held, this.#heldBytes, searchedTo);
    if (end > 0) {
      // A copy, because the buffer is written again while the caller's socket may still hold these bytes.
      const whole = this.#held.slice(0, end);
      this.#held.copyWithin(0, end, this.#heldBytes);
      this.#heldBytes -= end;
      const passed = this.#examine(whole);
      return this.#strip ? passed : bytes;
    }
    if (this.#heldBytes > EVENT_BYTES_MAX) {
      const released = this.#release();
      return this.#strip ? released : bytes;
    }
    return this.#strip ? undefined : bytes;
  }

  finish(): Uint8Array | undefined {
    if (this.#heldBytes === 0) return undefined;
    const passed = this.#examine(this.#release());
    return this.#strip ? passed : undefined;
  }

  #release(): Uint8Array {
    const released = this.#held.slice(0, this.#heldBytes);
    this.#heldBytes = 0;
    return released;
  }

  #hold(bytes: Uint8Array): void {
    const needed = this.#heldBytes + bytes.length;
    if (needed > this.#held.length) {
      const larger = new Uint8Array(Math.max(needed, this.#held.length * 2, 512));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = needed;
  }

  /** Reads whole events and returns them without what is to be taken out. */
  #examine(events: Uint8Array): Uint8Array | undefined {
    const { member, text } = this.#dialect;
    const size = member.bytes.length;
    this.textBytes += countText(events, text);
    let cuts: (readonly [number, number])[] | undefined;
    for (let at = find(events, member); at >= 0; ) {
      const value = valueAfter(events, at + size);
      let next = at + size;
      let cut: readonly [number, number] | undefined;
      if (value >= 0 && events[value] === OPEN) {
        const start = lastBoundary(events, at);
        next = nextBoundary(events, at);
        if (this.#read(events.subarray(start, next)) && this.#strip) cut = [start, next];
      } else if (value >= 0 && this.#stripNulls) {
        cut = nullMember(events, at, value);
      }
      if (cut !== undefined) {
        cuts ??= [];
        cuts.push(cut);
      }
      at = find(events, member, next);
    }
    return cuts === undefined ? events : without(events, cuts);
  }

  /** Reads the usage of one event, and says whether that is all there is in it. */
  #read(bytes: Uint8Array): boolean {
    const event = parseEvent(bytes);
    if (event === undefined) return false;
    const usage = this.#dialect.usageIn(event);
    if (isObject(usage)) {
      this.#said = mergeSaid(this.#said, usage);
      this.isLast = this.#dialect.isLast?.(event) ?? this.isLast;
    }
    return this.#dialect.isExtra(event);
  }
}

/** Where the last whole event before `end` ends, searched down to `floor`; 0 when there is none. */
function lastBoundary(bytes: Uint8Array, end: number, floor = 0): number {
  for (let i = end - 1; i > floor; i--) {
    const byte = bytes[i];
    if (byte !== LF && byte !== CR) continue;
    // A CR at the very end may be half of a CRLF.
    if (byte === CR && i === end - 1) continue;
    if (byte === CR && bytes[i + 1] === LF) continue;
    const before = byte === LF && bytes[i - 1] === CR ? i - 2 : i - 1;
    const previous = bytes[before];
    if (before >= 0 && (previous === LF || previous === CR)) return i + 1;
  }
  return 0;
}

/** Where the event around `from` ends. */
function nextBoundary(bytes: Uint8Array, from: number): number {
  let lineEmpty = false;
  for (let i = from; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte !== LF && byte !== CR) {
      lineEmpty = false;
      continue;
    }
    if (byte === CR && bytes[i + 1] === LF) i++;
    if (lineEmpty) return i + 1;
    lineEmpty = true;
  }
  return bytes.length;
}

const decoder = new TextDecoder();

function parseEvent(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  let data = "";
  for (const line of decoder.decode(bytes).split(/\r\n|\n|\r/)) {
    if (line.startsWith("data:")) data += line.slice(5);
  }
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : undefined;
  } catch {
    // Not JSON, so not a usage; the bytes pass as they are.
    return undefined;
  }
}

function without(bytes: Uint8Array, cuts: readonly (readonly [number, number])[]): Uint8Array | undefined {
  const size = cuts.reduce((rest, [start, end]) => rest - (end - start), bytes.length);
  if (size === 0) return undefined;
  const kept = new Uint8Array(size);
  let at = 0;
  let from = 0;
  for (const [start, end] of [...cuts, [bytes.length, bytes.length] as const]) {
    kept.set(bytes.subarray(from, start), at);
    at += start - from;
    from = end;
  }
  return kept;
}

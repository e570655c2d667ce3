/**
 * One pass over a request body: is it a JSON object that can be read in only one way, and where are the members that
 * decide? The body is passed on byte for byte, so a parser behind us must not see another model than we did: a name that
 * comes twice (also when spelled with escapes), `__proto__`, a lone surrogate, ill-formed UTF-8 and nesting deeper than
 * 64 are refused, at every depth, and so is an object of more than 10 000 members. Nothing is built but short members
 * that were asked for, so that a body costs time in proportion to its length and next to no memory, whatever is in it.
 */
import { OpenNames } from "./json-names.ts";
import {
  FAULT_SURROGATE,
  FAULT_SYNTAX,
  FAULT_UTF8,
  isWord,
  readText,
  skipBlanks,
  skipNumber,
  skipString,
} from "./json-text.ts";

export const JSON_DEPTH_MAX = 64;
/** Of the value as it is spelled, quotes included. */
export const SCALAR_BYTES_MAX = 4_096;
/** A UTF-16 unit is spelled with six bytes at most: an escape. */
const SPELLING_BYTES_MAX = 6;

export type ScanFault =
  | "syntax"
  | "encoding"
  | "lone_surrogate"
  | "duplicate_name"
  | "forbidden_name"
  | "too_deep"
  | "too_many_names"
  | "not_object";

/** A top-level member that was asked for. All indices are into the scanned bytes. */
export interface Member {
  /** The opening quote of the name. */
  readonly nameStart: number;
  /** First byte of the value, and the one behind its last. */
  readonly start: number;
  readonly end: number;
  /**
   * The value when it is a scalar of at most `SCALAR_BYTES_MAX` bytes; undefined for a longer one, and for an object or
   * an array, whose bytes can be scanned in turn.
   */
  readonly value: string | number | boolean | null | undefined;
}

export type Scan =
  | {
      readonly kind: "object";
      readonly members: ReadonlyMap<string, Member>;
      /** Behind the opening brace: where a member can be put in, followed by a comma unless `empty`. */
      readonly insertAt: number;
      readonly empty: boolean;
    }
  | { readonly kind: "invalid"; readonly fault: ScanFault };

const PROTO = "__proto__";

const FAULT_DUPLICATE = -4;
const FAULT_PROTO = -5;
const FAULT_DEPTH = -6;
const FAULT_NOT_OBJECT = -7;
const FAULT_NAMES = -8;

const FAULTS: Record<number, ScanFault> = {
  [FAULT_SYNTAX]: "syntax",
  [FAULT_UTF8]: "encoding",
  [FAULT_SURROGATE]: "lone_surrogate",
  [FAULT_DUPLICATE]: "duplicate_name",
  [FAULT_PROTO]: "forbidden_name",
  [FAULT_DEPTH]: "too_deep",
  [FAULT_NOT_OBJECT]: "not_object",
  [FAULT_NAMES]: "too_many_names",
};

/** Scans the whole of `bytes`, and finds the top-level members with these names. */
export function scanJson(bytes: Uint8Array, wanted: ReadonlySet<string>): Scan {
  const scanner = new Scanner(bytes, wanted);
  const start = skipBlanks(bytes, 0);
  const isObject = bytes[start] === 0x7b;
  const end = scanner.skipValue(start, 1);
  if (end < 0) return { kind: "invalid", fault: FAULTS[end] as ScanFault };
  if (skipBlanks(bytes, end) !== bytes.length) return { kind: "invalid", fault: "syntax" };
  if (!isObject) return { kind: "invalid", fault: "not_object" };
  const insertAt = start + 1;
  const empty = bytes[skipBlanks(bytes, insertAt)] === 0x7d;
  return { kind: "object", members: scanner.members, insertAt, empty };
}

/** Where the values of a list stand that begins at `start`; none when no list begins there. Of bytes that were scanned. */
export function listJson(bytes: Uint8Array, start: number): (readonly [start: number, end: number])[] {
  const found: (readonly [number, number])[] = [];
  if (bytes[start] !== 0x5b) return found;
  const scanner = new Scanner(bytes, NO_NAMES);
  let at = skipBlanks(bytes, start + 1);
  while (at < bytes.length && bytes[at] !== 0x5d) {
    const end = scanner.skipValue(at, 2);
    if (end < 0) throw new Error("the bytes were not scanned before");
    found.push([at, end]);
    at = skipBlanks(bytes, end);
    if (bytes[at] === 0x2c) at = skipBlanks(bytes, at + 1);
  }
  return found;
}

const NO_NAMES: ReadonlySet<string> = new Set();

class Scanner {
  readonly members = new Map<string, Member>();
  private readonly bytes: Uint8Array;
  private readonly words: DataView;
  private readonly wanted: ReadonlySet<string>;
  /** A longer name is none of the wanted. */
  private readonly wantedBytesMax: number;
  private readonly names: OpenNames;

  constructor(bytes: Uint8Array, wanted: ReadonlySet<string>) {
    this.bytes = bytes;
    this.words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.wanted = wanted;
    this.wantedBytesMax = 0;
    for (const name of wanted) {
      this.wantedBytesMax = Math.max(this.wantedBytesMax, name.length * SPELLING_BYTES_MAX);
    }
    this.names = new OpenNames(bytes);
  }

  /** `depth` is that of the object or array which the value would be; the outermost is 1. */
  skipValue(at: number, depth: number): number {
    switch (this.bytes[at]) {
      case 0x22:
        return skipString(this.bytes, this.words, at + 1);
      case 0x7b:
        return depth > JSON_DEPTH_MAX ? FAULT_DEPTH : this.skipObject(at + 1, depth);
      case 0x5b:
        return depth > JSON_DEPTH_MAX ? FAULT_DEPTH : this.skipArray(at + 1, depth);
      case 0x74:
        return this.skipWord(at, "true");
      case 0x66:
        return this.skipWord(at, "false");
      case 0x6e:
        return this.skipWord(at, "null");
      default:
        return skipNumber(this.bytes, at);
    }
  }

  private skipWord(at: number, word: string): number {
    for (let i = 0; i < word.length; i++) {
      if (this.bytes[at + i] !== word.charCodeAt(i)) return FAULT_SYNTAX;
    }
    return at + word.length;
  }

  private skipArray(start: number, depth: number): number {
    const { bytes } = this;
    let at = skipBlanks(bytes, start);
    if (bytes[at] === 0x5d) return at + 1;
    for (;;) {
      at = this.skipValue(at, depth + 1);
      if (at < 0) return at;
      at = skipBlanks(bytes, at);
      const next = bytes[at++];
      if (next === 0x5d) return at;
      if (next !== 0x2c) return FAULT_SYNTAX;
      at = skipBlanks(bytes, at);
    }
  }

  private skipObject(start: number, depth: number): number {
    const { bytes } = this;
    let at = skipBlanks(bytes, start);
    if (bytes[at] === 0x7d) return at + 1;
    const object = this.names.open();
    for (;;) {
      at = this.skipMember(at, object, depth);
      if (at < 0) return at;
      at = skipBlanks(bytes, at);
      const next = bytes[at++];
      if (next === 0x7d) break;
      if (next !== 0x2c) return FAULT_SYNTAX;
      at = skipBlanks(bytes, at);
    }
    this.names.close(object);
    return at;
  }

  private skipMember(at: number, object: number, depth: number): number {
    const { bytes } = this;
    if (bytes[at] !== 0x22) return FAULT_SYNTAX;
    const nameEnd = skipString(bytes, this.words, at + 1);
    if (nameEnd < 0) return nameEnd;
    if (isWord(bytes, at + 1, nameEnd - 1, PROTO)) return FAULT_PROTO;
    const added = this.names.add(object, at + 1, nameEnd - 1);
    if (added !== "new") return added === "duplicate" ? FAULT_DUPLICATE : FAULT_NAMES;
    const colon = skipBlanks(bytes, nameEnd);
    if (bytes[colon] !== 0x3a) return FAULT_SYNTAX;
    const start = skipBlanks(bytes, colon + 1);
    const end = this.skipValue(start, depth + 1);
    if (depth === 1 && end > 0 && nameEnd - at - 2 <= this.wantedBytesMax) {
      const name = readText(bytes, at + 1, nameEnd - 1);
      if (this.wanted.has(name)) {
        this.members.set(name, { nameStart: at, start, end, value: readScalar(bytes, start, end) });
      }
    }
    return end;
  }
}

function readScalar(bytes: Uint8Array, start: number, end: number): Member["value"] {
  if (end - start > SCALAR_BYTES_MAX) return undefined;
  switch (bytes[start]) {
    case 0x22:
      return readText(bytes, start + 1, end - 1);
    case 0x7b:
    case 0x5b:
      return undefined;
    case 0x74:
      return true;
    case 0x66:
      return false;
    case 0x6e:
      return null;
    default:
      return Number(readText(bytes, start, end));
  }
}

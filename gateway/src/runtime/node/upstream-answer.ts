/**
 * Reads answers off a provider's connection, whatever pieces the bytes come in. The bargain: what is not exactly one
 * well-formed answer is `bad`, and the connection that it came on is never used again. Of one piece everything that is
 * content is handed on at once, moved together inside the piece, so whoever feeds it gives its bytes away.
 */
import { type AnswerHead, HEAD_BYTES_MAX, readAnswerHead } from "./upstream-head.ts";

export interface AnswerSink {
  /** Once, before any content; interim answers (1xx) are passed over. */
  head(head: AnswerHead): void;
  data(bytes: Buffer): void;
}

/** `surplus`: a whole answer, with bytes behind it that nobody asked for. */
export type Progress = "more" | "done" | "surplus" | "bad";

const END = Buffer.from("\r\n\r\n");
const START = Buffer.from("HTTP/1.");
const CR = 13;
const LF = 10;
const TAB = 9;
const SEMICOLON = 59;
const NOTHING = Buffer.alloc(0);

/** Digits of a chunk's size, and bytes of what stands behind it on its line, at most. */
const SIZE_DIGITS_MAX = 12;
const EXTENSION_BYTES_MAX = 1024;
const TRAILER_BYTES_MAX = 16 * 1024;

type State =
  | "head"
  | "length"
  | "close"
  | "size"
  | "extension"
  | "size_lf"
  | "chunk"
  | "chunk_cr"
  | "chunk_lf"
  | "line"
  | "trailer"
  | "trailer_lf"
  | "end_lf"
  | "done"
  | "bad";

export class AnswerReader {
  readonly #sink: AnswerSink;
  #state: State = "head";
  /** The beginning of a head that is not whole, and behind its bytes room for more. */
  #held: Buffer = NOTHING;
  #heldBytes = 0;
  #headBytes = 0;
  /** Bytes to come of the body or of the chunk. */
  #missing = 0;
  #digits = 0;
  /** Bytes seen of an extension or of trailers. */
  #seen = 0;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes, which are not empty. The sink may have been called when it says `bad`, but never after `done`. */
  read(bytes: Buffer): Progress {
    if (this.#state !== "head") return this.#body(bytes, 0);
    const known = this.#heldBytes;
    const joined = known === 0 ? bytes : this.#append(bytes);
    // The end may have begun in what is known.
    const at = this.#readHead(joined, Math.max(0, known - END.length + 1));
    if (at < 0) return this.#is("bad") ? "bad" : "more";
    this.#held = NOTHING;
    this.#heldBytes = 0;
    return this.#body(joined, at);
  }

  /** The connection has ended: true when that is how this answer ends. */
  isWholeAtEnd(): boolean {
    return this.#state === "close";
  }

  /** A call, because what a state was is not what it is after a byte. */
  #is(state: State): boolean {
    return this.#state === state;
  }

  /** The room doubles, so that a head of single bytes is not copied for each of them. */
  #append(bytes: Buffer): Buffer {
    const length = this.#heldBytes + bytes.length;
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(length * 2);
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldBytes);
    return this.#held.subarray(0, length);
  }

  /** Where the body begins; −1 when the head is not whole or is none. Before `from` no head ends. */
  #readHead(joined: Buffer, from: number): number {
    let start = 0;
    for (;;) {
      const end = joined.indexOf(END, Math.max(start, from));
      if (end < 0) return this.#holdHead(joined, start);
      this.#headBytes += end + 4 - start;
      const head =
        this.#headBytes > HEAD_BYTES_MAX ? undefined : readAnswerHead(joined.toString("latin1", start, end));
      // Nobody asked for another protocol.
      if (head === undefined || head.status === 101) {
        this.#state = "bad";
        return -1;
      }
      start = end + 4;
      if (head.status < 200) continue;
      this.#begin(head);
      return start;
    }
  }

  #holdHead(joined: Buffer, start: number): number {
    const held = joined.subarray(start);
    // What was appended to goes on being appended to; an interim head before it is left behind.
    if (start > 0 || this.#heldBytes === 0) this.#held = held;
    this.#heldBytes = held.length;
    const known = Math.min(held.length, START.length);
    const looksRight = START.compare(held, 0, known, 0, known) === 0;
    if (!looksRight || this.#headBytes + held.length > HEAD_BYTES_MAX) this.#state = "bad";
    return -1;
  }

  #begin(head: AnswerHead): void {
    const { framing } = head;
    if (framing === "chunked") this.#state = "size";
    else if (framing === "close") this.#state = "close";
    else {
      this.#missing = framing;
      this.#state = framing === 0 ? "done" : "length";
    }
    this.#sink.head(head);
  }

  #body(bytes: Buffer, at: number): Progress {
    switch (this.#state) {
      case "length":
        return this.#readLength(bytes, at);
      case "close":
        if (at < bytes.length) this.#sink.data(at === 0 ? bytes : bytes.subarray(at));
        return "more";
      case "done":
        return at < bytes.length ? "surplus" : "done";
      default:
        return this.#readChunks(bytes, at);
    }
  }

  #readLength(bytes: Buffer, at: number): Progress {
    const end = Math.min(bytes.length, at + this.#missing);
    this.#missing -= end - at;
    if (this.#missing === 0) this.#state = "done";
    if (end > at) this.#sink.data(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    if (this.#missing > 0) return "more";
    return end < bytes.length ? "surplus" : "done";
  }

  /** Content is moved to where the first of it stands, over framing that has been read. */
  #readChunks(bytes: Buffer, from: number): Progress {
    let at = from;
    let start = -1;
    let end = -1;
    while (at < bytes.length && !this.#is("done") && !this.#is("bad")) {
      if (!this.#is("chunk")) {
        this.#frame(bytes[at++] as number);
        continue;
      }
      const size = Math.min(this.#missing, bytes.length - at);
      if (start < 0) {
        start = at;
        end = at;
      } else bytes.copyWithin(end, at, at + size);
      end += size;
      at += size;
      this.#missing -= size;
      if (this.#missing === 0) this.#state = "chunk_cr";
    }
    if (end > start) this.#sink.data(bytes.subarray(start, end));
    if (this.#is("bad")) return "bad";
    if (!this.#is("done")) return "more";
    return at < bytes.length ? "surplus" : "done";
  }

  /** One byte of what stands between the chunks (RFC 9112 §7.1). */
  #frame(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#size(byte);
      case "extension":
        if (byte === CR) this.#state = "size_lf";
        else if (!isText(byte) || ++this.#seen > EXTENSION_BYTES_MAX) this.#state = "bad";
        return;
      case "size_lf":
        this.#digits = 0;
        this.#seen = 0;
        return this.#want(byte, LF, this.#missing === 0 ? "line" : "chunk");
      case "chunk_cr":
        return this.#want(byte, CR, "chunk_lf");
      case "chunk_lf":
        return this.#want(byte, LF, "size");
      case "line":
        if (byte === CR) this.#state = "end_lf";
        else if (isText(byte) && byte !== TAB && byte !== 32 && ++this.#seen <= TRAILER_BYTES_MAX)
          this.#state = "trailer";
        else this.#state = "bad";
        return;
      case "trailer":
        if (byte === CR) this.#state = "trailer_lf";
        else if (!isText(byte) || ++this.#seen > TRAILER_BYTES_MAX) this.#state = "bad";
        return;
      case "trailer_lf":
        return this.#want(byte, LF, "line");
      default:
        return this.#want(byte, LF, "done");
    }
  }

  #size(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#missing = this.#digits === 0 ? digit : this.#missing * 16 + digit;
      if (++this.#digits > SIZE_DIGITS_MAX) this.#state = "bad";
    } else if (this.#digits === 0) this.#state = "bad";
    else if (byte === CR) this.#state = "size_lf";
    else this.#state = byte === SEMICOLON ? "extension" : "bad";
  }

  #want(byte: number, wanted: number, next: State): void {
    this.#state = byte === wanted ? next : "bad";
  }
}

function isText(byte: number): boolean {
  return byte === TAB || (byte >= 32 && byte !== 127);
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

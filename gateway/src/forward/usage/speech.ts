/**
 * Whether a provider that streams still says something. Comments (`: ping`) and Anthropic's `ping` events keep connections
 * open, and are sent by whatever stands in front of a model also when the model behind it is dead: they are passed on, and
 * count as silence.
 */
import { CR, LF } from "./find-bytes.ts";

/** As much of a line as tells what it is. */
const BEGINNING_BYTES = 40;
const PING = /^data: ?\{ ?"type" ?: ?"ping"/;
const DATA = /^data(?::|$)/;

/** Of a line whose beginning was not looked at: taken for data, so that nobody is timed out for what was not read. */
const UNREAD = "data:".padEnd(BEGINNING_BYTES);

export class Speech {
  #line = "";
  #heard = false;

  /** Takes the next bytes of the stream, whatever pieces they come in; once something was heard they are hardly looked at. */
  hear(bytes: Uint8Array): void {
    if (!this.#heard) this.#heard = this.#isIn(bytes);
    else if (bytes.length > 0) this.#line = isLineEnd(bytes[bytes.length - 1]) ? "" : UNREAD;
  }

  /** Whether there was data since this was asked last. */
  wasHeard(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }

  #isIn(bytes: Uint8Array): boolean {
    let is = false;
    let at = 0;
    while (at < bytes.length) {
      if (isLineEnd(bytes[at])) {
        is ||= isSpeech(this.#line);
        this.#line = "";
        at++;
      } else if (this.#line.length < BEGINNING_BYTES) {
        this.#line += String.fromCharCode(bytes[at++] as number);
        if (this.#line.length === BEGINNING_BYTES) is ||= isSpeech(this.#line);
      } else at = endOfLine(bytes, at);
    }
    return is;
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

/** Judged at its end, or when as much of it is known as tells what it is. */
function isSpeech(line: string): boolean {
  return DATA.test(line) && !PING.test(line);
}

function endOfLine(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && !isLineEnd(bytes[at])) at++;
  return at;
}

/** Server-sent events (WHATWG HTML §9.2), read from bytes as they come and written anew. */

export interface SseEvent {
  /** "" for one that carries nothing: a first id to resume from, or a sign of life. */
  readonly data: string;
  readonly id?: string;
  readonly event?: string;
  readonly retry?: string;
}

const encoder = new TextEncoder();

export class SseReader {
  readonly #decoder = new TextDecoder();
  readonly #lengthMax: number;
  readonly #onEvent: (event: SseEvent) => void;
  #rest = "";
  #held = "";
  #lines: string[] = [];
  #length = 0;

  /** No event is longer than `lengthMax`, in characters. */
  constructor(lengthMax: number, onEvent: (event: SseEvent) => void) {
    this.#lengthMax = lengthMax;
    this.#onEvent = onEvent;
  }

  /** False when an event is too long; then no more is read. */
  push(bytes: Uint8Array): boolean {
    let text = this.#held + this.#decoder.decode(bytes, { stream: true });
    // It may be half of a line end.
    this.#held = text.endsWith("\r") ? "\r" : "";
    if (this.#held !== "") text = text.slice(0, -1);
    const pieces = text.split(/\r\n|\n|\r/);
    const last = pieces.pop() ?? "";
    // Only what has just come is looked at: a long line in small pieces would be looked at once for each of them.
    for (const piece of pieces) {
      const line = this.#rest + piece;
      this.#rest = "";
      this.#length += line.length;
      if (line === "") this.#dispatch();
      else this.#lines.push(line);
    }
    this.#rest += last;
    return this.#length + this.#rest.length <= this.#lengthMax;
  }

  #dispatch(): void {
    const lines = this.#lines;
    this.#lines = [];
    this.#length = 0;
    if (lines.length > 0) this.#onEvent(readEvent(lines));
  }
}

function readEvent(lines: readonly string[]): SseEvent {
  const data: string[] = [];
  const fields: { id?: string; event?: string; retry?: string } = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") data.push(value);
    else if (name === "id" && !value.includes("\0")) fields.id = value;
    else if (name === "event") fields.event = value;
    else if (name === "retry" && /^\d{1,9}$/.test(value)) fields.retry = value;
  }
  return { data: data.join("\n"), ...fields };
}

/** One event, or a comment where there is nothing to say. */
export function writeEvent({ data, id, event, retry }: SseEvent): Uint8Array {
  let text = "";
  if (event !== undefined) text += `event: ${event}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (retry !== undefined) text += `retry: ${retry}\n`;
  if (data !== "" || id !== undefined) for (const line of data.split("\n")) text += `data: ${line}\n`;
  return encoder.encode(text === "" ? ":\n\n" : `${text}\n`);
}

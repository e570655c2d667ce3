/**
 * What was said in a request, kept only where its organization has turned body capture on. The bargain: of each side the
 * beginning, as the caller sent it and as the caller got it, and in it no key of ours and no provider's credential. Nothing
 * here changes or holds up a byte.
 */
import { SECRET_PATTERN } from "@claviger/shared/key/secret";
import type { CapturedBodies, CapturedBody } from "@claviger/shared/wire/query";
import type { Answer } from "../ports.ts";

/** Of each side; with both, escaped, a row still fits into one part of an answer. */
const KEPT_BYTES_MAX = 16 * 1024;
/** A secret that begins among those bytes is known as one by its whole length. */
const SECRET_BYTES_MAX = 8 * 1024;
const SEEN_BYTES_MAX = KEPT_BYTES_MAX + SECRET_BYTES_MAX;
const NOTHING = new Uint8Array(0);
const MARK = "[redacted]";

/** Wherever they stand, be it inside a word. */
const OURS = SECRET_PATTERN.replaceAll("\\b", "");
/** Credentials of providers as they are shaped, whosever they are: callers paste them into prompts. */
const FOREIGN = [
  "\\b(?:sk|rk|pk)-[\\w-]{16,}",
  "\\b(?:gsk|xai|tgp|hf|ghp|gho|pat)[_-][\\w-]{20,}",
  "\\bAIza[\\w-]{30,}",
  "\\bAKIA[0-9A-Z]{16}\\b",
];

/** Content that is text; all else is only counted. */
const TEXT = /^(?:application\/json|text\/[\w.+-]+)\b/i;

/** Takes the caller's place in an answer and remembers what goes by. */
export class CapturingAnswer implements Answer {
  readonly #answer: Answer;
  #isText = false;
  #seen = NOTHING;
  #seenBytes = 0;
  #bytes = 0;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  get begun(): boolean {
    return this.#answer.begun;
  }

  head(status: number, headers: readonly string[], flush?: boolean): void {
    const at = headers.findIndex((name, n) => n % 2 === 0 && name === "content-type");
    const isEncoded = headers.some((name, n) => n % 2 === 0 && name === "content-encoding");
    this.#isText = !isEncoded && at >= 0 && TEXT.test(headers[at + 1] ?? "");
    this.#answer.head(status, headers, flush);
  }

  write(bytes: Uint8Array): boolean {
    this.#see(bytes);
    return this.#answer.write(bytes);
  }

  end(bytes?: Uint8Array): void {
    if (bytes !== undefined) this.#see(bytes);
    this.#answer.end(bytes);
  }

  cut(): void {
    this.#answer.cut();
  }

  onDrained(then: () => void): void {
    this.#answer.onDrained(then);
  }

  onGone(then: () => void): void {
    this.#answer.onGone(then);
  }

  /** Both sides, to be asked for once the answer has ended; `secrets` are the credentials that were in use. */
  bodies(request: Uint8Array, requestType: string, secrets: readonly string[]): CapturedBodies {
    const hidden = patternOf(secrets);
    const isText = TEXT.test(requestType);
    const sent = isText ? textOf(request.subarray(0, SEEN_BYTES_MAX), request.length, hidden) : undefined;
    const got = this.#isText
      ? textOf(this.#seen.subarray(0, this.#seenBytes), this.#bytes, hidden)
      : undefined;
    this.#seen = NOTHING;
    return { request: sent ?? mute(request.length), response: got ?? mute(this.#bytes) };
  }

  #see(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    const room = SEEN_BYTES_MAX - this.#seenBytes;
    if (!this.#isText || room <= 0) return;
    const seen = bytes.subarray(0, room);
    const needed = this.#seenBytes + seen.length;
    if (needed > this.#seen.length) {
      const larger = new Uint8Array(Math.min(SEEN_BYTES_MAX, needed * 2));
      larger.set(this.#seen.subarray(0, this.#seenBytes));
      this.#seen = larger;
    }
    // A copy: what is passed on belongs to the sockets.
    this.#seen.set(seen, this.#seenBytes);
    this.#seenBytes = needed;
  }
}

function mute(bytes: number): CapturedBody {
  return { text: null, bytes, truncated: false };
}

function textOf(seen: Uint8Array, bytes: number, hidden: RegExp): CapturedBody {
  const text = new TextDecoder().decode(seen);
  const kept = new TextDecoder().decode(seen.subarray(0, KEPT_BYTES_MAX), { stream: true }).length;
  return { text: withoutSecrets(text, kept, hidden), bytes, truncated: bytes > KEPT_BYTES_MAX };
}

/** The first characters; a secret that begins among them is taken out as a whole. */
function withoutSecrets(text: string, length: number, hidden: RegExp): string {
  let kept = "";
  let at = 0;
  for (const { index, 0: secret } of text.matchAll(hidden)) {
    if (index >= length) break;
    kept += text.slice(at, index) + MARK;
    at = index + secret.length;
  }
  return kept + text.slice(at, Math.max(at, length));
}

function patternOf(secrets: readonly string[]): RegExp {
  const exact = secrets.filter((secret) => secret !== "").flatMap(spellingsOf);
  return new RegExp([...exact, OURS, ...FOREIGN].join("|"), "g");
}

/** As it is, and as it stands in JSON. */
function spellingsOf(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1)].map((text) =>
    text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  );
}

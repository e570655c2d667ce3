/**
 * Heads of HTTP/1.1 messages to and from a provider, read strictly: whatever two readers could take for two different
 * messages (RFC 9112 §6.3, §11.2) is no head. A request is only written when no part of it can break out of its place.
 */
import type { UpstreamRequest } from "../../ports.ts";

/** Of all heads before a body, interim ones included. */
export const HEAD_BYTES_MAX = 32 * 1024;
const FIELDS_MAX = 256;

/** How the end of an answer's body is told: a length, chunks, or the end of the connection. */
export type Framing = number | "chunked" | "close";

export interface AnswerHead {
  readonly status: number;
  /** Names in lower case, flat. */
  readonly flat: readonly string[];
  readonly framing: Framing;
  /** Whether the connection may carry another request, and for how many milliseconds at most when the provider says. */
  readonly keepAlive: boolean;
  readonly keepAliveMsMax: number | undefined;
}

/** Every line of a head at once: no folded line, no lone CR or LF, no blank before a colon, no control character. */
const HEAD =
  /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)*$/;
const LENGTH = /^\d{1,15}$/;
const KEEP_ALIVE = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/i;

/** Reads a head without the empty line that ends it; undefined for one that is none, or that can be read in two ways. */
export function readAnswerHead(text: string): AnswerHead | undefined {
  if (!HEAD.test(text)) return undefined;
  const status = Number(text.slice(9, 12));
  const flat = fieldsOf(text);
  if (flat.length > 2 * FIELDS_MAX) return undefined;
  let length: string | undefined;
  let coding: string | undefined;
  let connection = "";
  let hint: string | undefined;
  for (let i = 0; i < flat.length; i += 2) {
    const value = flat[i + 1] as string;
    switch (flat[i]) {
      case "content-length":
        if (length !== undefined) return undefined;
        length = value;
        break;
      case "transfer-encoding":
        if (coding !== undefined) return undefined;
        coding = value.toLowerCase();
        break;
      case "connection":
        connection += `,${value.toLowerCase()}`;
        break;
      case "keep-alive":
        hint = KEEP_ALIVE.exec(value)?.[1];
        break;
    }
  }
  const is11 = text.charCodeAt(7) === 0x31;
  const framing = framingOf(status, is11, length, coding);
  if (framing === undefined) return undefined;
  const keepAlive = is11 && framing !== "close" && (connection === "" || !hasToken(connection, "close"));
  return {
    status,
    flat,
    framing,
    keepAlive,
    keepAliveMsMax: hint === undefined ? undefined : Number(hint) * 1000,
  };
}

function fieldsOf(text: string): string[] {
  const flat: string[] = [];
  let at = text.indexOf("\r\n");
  while (at >= 0) {
    const start = at + 2;
    const colon = text.indexOf(":", start);
    at = text.indexOf("\r\n", colon);
    const value = text.slice(colon + 1, at < 0 ? text.length : at);
    flat.push(text.slice(start, colon).toLowerCase(), trimBlanks(value));
  }
  return flat;
}

/** Without optional white space (RFC 9110 §5.6.3); `trim` would take bytes that are none. */
function trimBlanks(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function hasToken(list: string, token: string): boolean {
  return list.split(",").some((each) => trimBlanks(each) === token);
}

function framingOf(
  status: number,
  is11: boolean,
  length: string | undefined,
  coding: string | undefined,
): Framing | undefined {
  if (length !== undefined && (coding !== undefined || !LENGTH.test(length))) return undefined;
  if (coding !== undefined && (coding !== "chunked" || !is11)) return undefined;
  if (status < 200 || status === 204 || status === 304) return 0;
  if (coding !== undefined) return "chunked";
  return length === undefined ? "close" : Number(length);
}

const TARGET = /^\/[\x21-\x7e]*$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The head of a request with the empty line behind it; throws for anything that would not stay in its place. */
export function requestHeadText({ method, path, headers, body }: UpstreamRequest, host: string): string {
  if (!TARGET.test(path)) throw new Error("the path of an upstream request has a character that no path has");
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (!NAME.test(name) || !VALUE.test(value)) throw new Error("a header of an upstream request is none");
    text += `${name}: ${value}\r\n`;
  }
  if (method === "GET" && body.length === 0) return `${text}\r\n`;
  let length = 0;
  for (const part of body) length += part.length;
  return `${text}content-length: ${length}\r\n\r\n`;
}

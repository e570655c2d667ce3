/**
 * Multipart requests (RFC 7578): the model is read from its field, everything else passes byte for byte. What two readers
 * could read in two ways is refused: a preamble, a field that comes twice or in a file's clothes, a boundary that is not
 * said once.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { RequestBody } from "./body.ts";
import { find, needle } from "./usage/find-bytes.ts";

const BOUNDARY = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))/gi;
/** RFC 2046 §5.1.1, without the space. */
const BOUNDARY_TEXT = /^[\w'()+,./:=?-]{1,70}$/;
const FIELD_BYTES_MAX = 4_096;
const HEAD_BYTES_MAX = 4_096;
const PARTS_MAX = 256;
/** Fields that would tell a provider's library to go somewhere else, or as somebody else. */
const FORBIDDEN = new Set(["base_url", "api_base", "api_key"]);
/** Fields that decide; a second one could be read by somebody else. */
const ONCE = new Set(["model", "stream"]);

const CRLF = 0x0a0d;
const DASHES = 0x2d2d;
const HEAD_END = needle("\r\n\r\n");
const decoder = new TextDecoder("utf-8", { fatal: true });

interface Part {
  readonly name: string;
  readonly isFile: boolean;
  readonly start: number;
  readonly end: number;
}

/** Reads a form for deciding, or says why it cannot be read in exactly one way. */
export function readMultipart(bytes: Uint8Array, contentType: string): RequestBody | Refusal {
  const boundary = boundaryOf(contentType);
  const parts = boundary === undefined ? undefined : partsOf(bytes, boundary);
  if (parts === undefined) return refuse("invalid_multipart");
  const said = new Map<string, Part>();
  let textBytes = 0;
  for (const part of parts) {
    if (FORBIDDEN.has(part.name)) return refuse("unknown_parameter", { param: part.name });
    if (!part.isFile) textBytes += part.end - part.start;
    if (!ONCE.has(part.name)) continue;
    if (said.has(part.name) || part.isFile) return refuse("invalid_multipart");
    said.set(part.name, part);
  }
  const model = said.get("model");
  return {
    bytes,
    textBytes,
    model: textOf(bytes, model),
    modelAt: model === undefined ? [] : [{ start: model.start, end: model.end, as: "bare" }],
    stream: textOf(bytes, said.get("stream")) === "true",
    members: new Map(),
    insertAt: 0,
  };
}

/** An object for a value that is no text of a bearable length, as with JSON. */
function textOf(bytes: Uint8Array, part: Part | undefined): unknown {
  if (part === undefined) return undefined;
  if (part.end - part.start > FIELD_BYTES_MAX) return {};
  return decode(bytes.subarray(part.start, part.end)) ?? {};
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    // Ill-formed UTF-8 names nothing.
    return undefined;
  }
}

function boundaryOf(contentType: string): string | undefined {
  const [first, ...more] = contentType.matchAll(BOUNDARY);
  const boundary = first?.[1] ?? first?.[2];
  const once = more.length === 0 && contentType.toLowerCase().split("boundary").length === 2;
  return once && boundary !== undefined && BOUNDARY_TEXT.test(boundary) ? boundary : undefined;
}

/** The parts in order; undefined when the bytes are not exactly parts between boundaries. */
function partsOf(bytes: Uint8Array, boundary: string): Part[] | undefined {
  const between = needle(`\r\n--${boundary}`);
  const first = needle(`--${boundary}`);
  if (find(bytes.subarray(0, first.bytes.length), first) !== 0) return undefined;
  const parts: Part[] = [];
  for (let at = first.bytes.length; ; ) {
    const mark = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    if (mark === DASHES) return endsAt(bytes, at + 2) ? parts : undefined;
    if (mark !== CRLF || parts.length === PARTS_MAX) return undefined;
    const headEnd = find(bytes.subarray(0, at + 2 + HEAD_BYTES_MAX), HEAD_END, at + 2);
    if (headEnd < 0) return undefined;
    const start = headEnd + 4;
    const end = find(bytes, between, start - 2);
    const head = end < start ? undefined : headOf(decode(bytes.subarray(at + 2, headEnd)));
    if (head === undefined) return undefined;
    parts.push({ ...head, start, end });
    at = end + between.bytes.length;
  }
}

function endsAt(bytes: Uint8Array, at: number): boolean {
  return at === bytes.length || (at + 2 === bytes.length && bytes[at] === 0x0d && bytes[at + 1] === 0x0a);
}

const DISPOSITION = /^content-disposition:\s*form-data((?:;\s*[\w*]+=(?:"(?:[^"\\]|\\.)*"|[^\s;"]+))+)\s*$/i;
const PARAMETER = /;\s*([\w*]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/g;

function headOf(head: string | undefined): Pick<Part, "name" | "isFile"> | undefined {
  const dispositions = head?.split("\r\n").filter((line) => /^content-disposition\s*:/i.test(line)) ?? [];
  // Folded or encoded, the same bytes are another part to another reader.
  if (head === undefined || /\r\n[ \t]|(?:^|\r\n)content-transfer-encoding/i.test(head)) return undefined;
  const list = dispositions.length === 1 ? DISPOSITION.exec(dispositions[0] ?? "")?.[1] : undefined;
  if (list === undefined) return undefined;
  const said = new Map<string, string>();
  for (const [, key = "", quoted, plain] of list.matchAll(PARAMETER)) {
    if (said.has(key.toLowerCase())) return undefined;
    said.set(key.toLowerCase(), quoted ?? plain ?? "");
  }
  const name = said.get("name");
  if (name === undefined || name.includes("\\") || said.has("name*")) return undefined;
  return { name, isFile: said.has("filename") || said.has("filename*") };
}

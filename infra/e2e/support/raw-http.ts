/** HTTP by bytes over a socket: for requests that no client library would send, and answers checked to the byte. */
import { connect } from "node:net";

export interface RawAnswer {
  readonly status: number;
  /** By lower-case name; a repeated header's values are joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly json: unknown;
}

const ANSWER_MS_MAX = 20_000;

/** A request as bytes; `Content-Length` and `Connection: close` are added unless given. */
export function requestBytes(
  method: string,
  path: string,
  headers: readonly (readonly [string, string])[],
  body: Uint8Array | string = "",
): Buffer {
  const bytes = Buffer.from(body);
  const names = headers.map(([name]) => name.toLowerCase());
  const lines = [`${method} ${path} HTTP/1.1`];
  if (!names.includes("host")) lines.push("Host: gateway.test");
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  const framed = names.includes("content-length") || names.includes("transfer-encoding");
  if (!framed && (bytes.length > 0 || method === "POST")) lines.push(`Content-Length: ${bytes.length}`);
  if (!names.includes("connection")) lines.push("Connection: close");
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}

function decodeChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) throw new Error("a chunked body that does not end");
    const size = Number.parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function parseAnswer(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) throw new Error(`no HTTP answer: ${JSON.stringify(bytes.toString("latin1").slice(0, 200))}`);
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  const rest = bytes.subarray(end + 4);
  const body = headers.get("transfer-encoding") === "chunked" ? decodeChunks(rest) : rest;
  return { status: Number(statusLine.split(" ")[1]), headers, body, json: parseJson(body) };
}

/** Sends bytes and reads until the other side closes. */
export function sendRaw(url: string, bytes: Uint8Array): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    const settle = () => {
      try {
        resolve(parseAnswer(Buffer.concat(chunks)));
      } catch (error) {
        reject(error);
      }
    };
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error("no whole answer in 20 s")));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.once("end", settle);
    socket.once("error", (error) => (chunks.length > 0 ? settle() : reject(error)));
    socket.write(bytes);
  });
}

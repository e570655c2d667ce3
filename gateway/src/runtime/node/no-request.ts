/**
 * What a connection sends that never becomes a request, because Node's parser or HTTP itself refuses it. It is answered on
 * the socket, in the words and with the headers of every other answer.
 */
import { type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { problemOf } from "@claviger/shared/decide/problem";
import { type Refusal, type RefusalCode, refuse } from "@claviger/shared/decide/refusals";
import { dialectOfPath, isAt, pathOf, routes } from "../../forward/routes.ts";
import { mcpRoutes } from "../../mcp/routes.ts";
import { createCrypto } from "./crypto.ts";

const CODES: Readonly<Record<string, RefusalCode>> = {
  HPE_HEADER_OVERFLOW: "headers_too_large",
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
};

const ids = createCrypto();

type ParserError = NodeJS.ErrnoException & { rawPacket?: Buffer; bytesParsed?: number };

/** Answers whatever `server` hands over as broken; to be called once. */
export function answerWhatIsNoRequest(server: Server, gatewayName: string): void {
  server.on("clientError", (error: ParserError, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else
      end(socket, gatewayName, unknownMethod(error) ?? badCredential(error) ?? { refusal: refusalOf(error) });
    // The parser is well and would go on: the rest of what was refused would be a request, and be carried out.
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") destroySoon(socket);
  });
  server.on("checkExpectation", (incoming, outgoing) => {
    refuseOn(outgoing, gatewayName, { refusal: refuse("invalid_header"), path: incoming.url });
  });
  // No resource here has this method, which an empty `Allow` says (RFC 9110 §10.2.1).
  server.on("connect", (_, socket) => {
    socket.on("error", () => socket.destroy());
    end(socket, gatewayName, { refusal: refuse("method_not_allowed", { allow: [] }) });
  });
}

/** Once all that was said is handed to the system; before anything else is read. */
function destroySoon(socket: Duplex): void {
  if (socket.writableFinished) socket.destroy();
  else socket.once("finish", () => socket.destroy());
}

/** For a request that HTTP forbids although Node has read it, such as one without a host. */
export function refuseOn(outgoing: ServerResponse, gatewayName: string, answer: Answer): void {
  const { status, headers, body } = textOf(gatewayName, answer);
  outgoing.writeHead(status, headers).end(body);
}

interface Answer {
  readonly refusal: Refusal;
  /** Decides in whose shape the answer is. */
  readonly path?: string | undefined;
}

function refusalOf({ code }: ParserError): Refusal {
  return refuse(CODES[code ?? ""] ?? "invalid_header");
}

/** A method that Node's parser does not know, on a path that can still be read: 405 where there is a route, else 404. */
function unknownMethod({ code, rawPacket, bytesParsed }: ParserError): Answer | undefined {
  if (code !== "HPE_INVALID_METHOD" || rawPacket === undefined) return undefined;
  const text = rawPacket.toString("latin1");
  const line = text.slice(text.lastIndexOf("\n", (bytesParsed ?? 0) - 1) + 1);
  const [, path] = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (\/[\x21-\x7e]*) HTTP\/1\.[01]\r\n/.exec(line) ?? [];
  if (path === undefined) return undefined;
  const here = [...routes, ...mcpRoutes].filter((route) => isAt(route, pathOf(path)));
  const allow = [...new Set(here.map(({ method }) => method))];
  return {
    path,
    refusal: allow.length > 0 ? refuse("method_not_allowed", { allow }) : refuse("unknown_url"),
  };
}

const CREDENTIAL_LINE = /^(?:authorization|x-api-key|x-goog-api-key|api-key):/i;
const REQUEST_LINE = /^[A-Z]+ (\/[\x21-\x7e]*) HTTP\/1\.[01]\r$/;

/**
 * A credential with a byte that Node's parser takes in no header: 0x00 to 0x08, 0x0B, 0x0C, 0x0E to 0x1F, 0x7F. It is malformed, as
 * one is with a byte that the parser lets through. CR and LF end a line and are no part of any value. When the line begins
 * in an earlier packet nobody can tell whose it is, and it stays an invalid header.
 */
function badCredential({ code, rawPacket, bytesParsed = 0 }: ParserError): Answer | undefined {
  if (code !== "HPE_INVALID_HEADER_TOKEN" || rawPacket === undefined) return undefined;
  const lines = rawPacket.subarray(0, bytesParsed).toString("latin1").split("\n");
  if (!CREDENTIAL_LINE.test(lines.pop() ?? "")) return undefined;
  const path = lines.reverse().flatMap((line) => REQUEST_LINE.exec(line)?.[1] ?? [])[0];
  const unknown = path !== undefined && ![...routes, ...mcpRoutes].some((route) => isAt(route, pathOf(path)));
  return { path, refusal: refuse(unknown ? "unknown_url" : "malformed_api_key") };
}

function textOf(gatewayName: string, { refusal, path }: Answer) {
  const requestId = `req_${ids.randomId()}`;
  const { status, headers, body } = problemOf(refusal, dialectOfPath(path ?? "/"), requestId);
  const own = {
    "x-claviger-gateway": gatewayName,
    "cache-control": "no-store",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  return { status, headers: { ...headers, ...own }, body };
}

function end(socket: Duplex, gatewayName: string, answer: Answer): void {
  const { status, headers, body } = textOf(gatewayName, answer);
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...head, "", body].join("\r\n"));
}

/**
 * The HTTP side of a Node control plane. The bargain: whatever a connection sends is answered with an `errors` document and
 * an `x-request-id`, also what Node's parser refuses and what never arrives as a whole.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { jsonApiProblemOf } from "@claviger/shared/decide/problem";
import { type Refusal, type RefusalCode, refuse } from "@claviger/shared/decide/refusals";
import { makeId } from "@claviger/shared/key/id";
import { getRequestListener, type HttpBindings, RequestError } from "@hono/node-server";
import type { Connection } from "../../http/mount.ts";

/** A refused connection may read its answer for this long, in milliseconds. */
const LINGER_MS = 1_000;

export interface App {
  fetch(request: Request, connection: Connection): Response | Promise<Response>;
}

export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  /** Aborted when the process is told to stop: calls that wait are then answered as things stand. */
  readonly stopping: AbortSignal;
  /** Longest time for a request's head to arrive, 10 s unless given. */
  readonly headMsMax?: number;
  /** Longest time for a whole request to arrive, 30 s unless given. */
  readonly requestMsMax?: number;
}

export interface RunningServer {
  readonly server: Server;
  readonly port: number;
}

/** Listens; rejects when the address cannot be had. */
export async function startServer(app: App, settings: ServerSettings): Promise<RunningServer> {
  const { stopping } = settings;
  const listener = getRequestListener(
    (request, env) => {
      const peer = (env as HttpBindings).incoming.socket.remoteAddress;
      return app.fetch(request, { stopping, ...(peer === undefined ? {} : { peer }) });
    },
    {
      errorHandler: (error) => toResponse(answerOf(error instanceof RequestError ? BAD_HOST : INTERNAL)),
    },
  );
  const server = createServer(optionsOf(settings), listener);
  answerWhatIsNoRequest(server, app);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, settings.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return { server, port: (server.address() as AddressInfo).port };
}

function optionsOf({ headMsMax = 10_000, requestMsMax = 30_000 }: ServerSettings): ServerOptions {
  return {
    headersTimeout: headMsMax,
    requestTimeout: requestMsMax,
    connectionsCheckingInterval: Math.min(1_000, headMsMax / 4),
    // Its absence is refused by the listener, which can say so in our words.
    requireHostHeader: false,
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const INTERNAL = refuse("internal_error");
const BAD_HOST = refuse("invalid_header", { detail: "The request needs one valid Host header." });
const BAD_EXPECT = refuse("invalid_header", { detail: "Expect takes 100-continue and nothing else." });
/** No resource has this method, which an empty `Allow` says (RFC 9110 §10.2.1). */
const NO_TUNNEL = refuse("method_not_allowed", { allow: [], detail: "There are no tunnels here." });

const CODES: Readonly<Record<string, RefusalCode>> = {
  HPE_HEADER_OVERFLOW: "headers_too_large",
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
};

type ParserError = NodeJS.ErrnoException & { rawPacket?: Buffer; bytesParsed?: number };

function answerWhatIsNoRequest(server: Server, app: App): void {
  const last = new WeakMap<Duplex, { incoming: IncomingMessage; outgoing: ServerResponse }>();
  server.on("request", (incoming, outgoing) => last.set(incoming.socket, { incoming, outgoing }));
  server.on("checkExpectation", (_incoming, outgoing) => {
    const { status, headers, body } = answerOf(BAD_EXPECT);
    const length = { "content-length": String(Buffer.byteLength(body)) };
    outgoing.writeHead(status, { ...headers, ...length, connection: "close" }).end(body);
  });
  server.on("connect", (_incoming, socket) => {
    socket.on("error", () => socket.destroy());
    end(socket, answerOf(NO_TUNNEL));
  });
  server.on("clientError", async (error: ParserError, socket: Duplex) => {
    const { incoming, outgoing } = last.get(socket) ?? {};
    // A second answer, or one inside of another, would be taken for something else.
    const answered = outgoing?.headersSent === true && !(incoming?.complete && outgoing.writableFinished);
    if (error.code === "ECONNRESET" || !socket.writable || answered) {
      socket.destroy();
      return;
    }
    end(
      socket,
      (await unknownMethod(error, app)) ?? answerOf(refuse(CODES[error.code ?? ""] ?? "invalid_header")),
    );
  });
}

/** What the routes say of a method that Node's parser does not know; undefined when that is not what was wrong. */
async function unknownMethod(
  { code, rawPacket, bytesParsed }: ParserError,
  app: App,
): Promise<Answer | undefined> {
  if (code !== "HPE_INVALID_METHOD" || rawPacket === undefined) return undefined;
  const text = rawPacket.toString("latin1");
  const line = text.slice(text.lastIndexOf("\n", (bytesParsed ?? 0) - 1) + 1);
  const [, path] = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (\/[\x21-\x7e]*) HTTP\/1\.[01]\r\n/.exec(line) ?? [];
  if (path === undefined || !URL.canParse(path, "http://unknown")) return undefined;
  // Any other name would do; the one that was sent may be that of a method in small letters, which would be run.
  const response = await app.fetch(new Request(new URL(path, "http://unknown"), { method: "UNKNOWN" }), {});
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

function answerOf(refusal: Refusal): Answer {
  const { status, headers, body } = jsonApiProblemOf([refusal], makeId("req", random));
  return { status, headers: { ...headers, "x-content-type-options": "nosniff" }, body };
}

function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers });
}

/** Answers on the socket itself and closes it. */
function end(socket: Duplex, { status, headers, body }: Answer): void {
  const head = Object.entries({
    ...headers,
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  }).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...head, "", body].join("\r\n"));
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

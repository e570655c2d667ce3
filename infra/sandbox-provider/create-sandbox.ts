/**
 * The sandbox provider: a stand-in for OpenAI, Anthropic and Gemini that needs no account, says deterministic things
 * (reply.ts), can be told to misbehave (steering.ts) and keeps a ledger of what it would have billed.
 *
 * `/mcp` is an MCP server (mcp.ts). `GET /__ledger?since=<ms>&requestId=` answers the billed entries of requests that started at `since` or later;
 * `GET /__requests?since=<ms>` what really arrived (recorder.ts) and how many connections were ever opened. A request
 * keeps the `x-request-id` it came with, or gets one.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerCall, type Call } from "./answer.ts";
import { createLedger, type Ledger, type LedgerEntry } from "./ledger.ts";
import { answerMcp } from "./mcp.ts";
import { createRecorder, type RecordedRequest, type Recorder } from "./recorder.ts";

/** As the big providers do: longer than any client's pool keeps an idle connection. */
const KEEP_ALIVE_MS = 75_000;
const BODY_BYTES_MAX = 32 * 1024 * 1024;
const REQUEST_ID = /^[\w.-]{1,128}$/;

export interface SandboxSettings {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly host?: string;
}

export interface Sandbox {
  readonly url: string;
  readonly port: number;
  ledger(sinceMs?: number, requestId?: string): LedgerEntry[];
  requests(sinceMs?: number): RecordedRequest[];
  /** Connections accepted since the start. */
  connections(): number;
  /** Ends every connection at once. */
  close(): Promise<void>;
}

function json(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
}

/** The body, or null when it is longer than 32 MiB or the client left before its end. */
function readBody(request: IncomingMessage): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
    });
    request.once("end", () => resolve(bytes > BODY_BYTES_MAX ? null : Buffer.concat(chunks)));
    request.once("close", () => resolve(null));
  });
}

function requestIdOf(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given)
    ? given
    : `req_${randomUUID().replaceAll("-", "")}`;
}

interface Books {
  readonly ledger: Ledger;
  readonly recorder: Recorder;
  connections: number;
}

/** Answers what tests ask about the provider itself; false when the path is none of those. */
function answerAbout(books: Books, url: URL, response: ServerResponse): boolean {
  const sinceMs = Number(url.searchParams.get("since") ?? 0);
  if (url.pathname === "/__ledger") {
    json(response, books.ledger.list(sinceMs, url.searchParams.get("requestId") ?? undefined));
  } else if (url.pathname === "/__requests") {
    json(response, { connections: books.connections, requests: books.recorder.list(sinceMs) });
  } else if (url.pathname === "/healthz") {
    json(response, { status: "ok" });
  } else return false;
  return true;
}

/** Starts a provider and answers when it listens. */
export async function createSandbox(settings: SandboxSettings = {}): Promise<Sandbox> {
  const books: Books = { ledger: createLedger(), recorder: createRecorder(), connections: 0 };
  const { ledger, recorder } = books;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://sandbox.invalid");
    if (request.method === "GET" && answerAbout(books, url, response)) return;
    const startedAtMs = Date.now();
    const requestId = requestIdOf(request);
    const keepBody = recorder.open(requestId, request, startedAtMs);
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort();
    });
    const body = await readBody(request);
    if (body !== null) keepBody(body);
    if (request.method === "POST" && url.pathname === "/mcp") return answerMcp(url, body, response);
    const call: Call = { request, response, url, requestId, body, startedAtMs, gone: gone.signal };
    const entry = await answerCall(call);
    if (entry !== null) ledger.add(entry);
  };

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, (request, response) => {
    handle(request, response).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : undefined),
    );
  });
  server.on("connection", () => {
    books.connections += 1;
  });
  const host = settings.host ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    port,
    ledger: (sinceMs = 0, requestId) => ledger.list(sinceMs, requestId),
    requests: (sinceMs = 0) => recorder.list(sinceMs),
    connections: () => books.connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

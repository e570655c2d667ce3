/**
 * Proxies that do nothing but pass bytes on, each the barest of its kind: what Node itself takes of a request, without a
 * key, a look-up or a line of log. Run as `floor-main.ts KIND PORT UPSTREAM`.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createNetServer, type Socket } from "node:net";
import { parseEgressAllow } from "@claviger/gateway/runtime/node/egress";
import { createUpstream } from "@claviger/gateway/runtime/node/upstream";

const [kind = "", port = "", upstreamPort = ""] = process.argv.slice(2);

/** Two sockets and no HTTP at all. */
async function pass(): Promise<void> {
  const { connect } = await import("node:net");
  createNetServer({ noDelay: true }, (socket: Socket) => {
    const other = connect({ port: Number(upstreamPort), host: "127.0.0.1", noDelay: true });
    socket.on("data", (bytes) => other.write(bytes));
    other.on("data", (bytes) => socket.write(bytes));
    for (const each of [socket, other]) {
      each.on("error", () => undefined);
      each.on("close", () => (each === socket ? other : socket).destroy());
    }
  }).listen(Number(port), "127.0.0.1");
}

/** Node's HTTP server and the gateway's own client to providers, and nothing in between. */
function relay(): void {
  const origin = `http://127.0.0.1:${upstreamPort}`;
  const upstream = createUpstream({
    egressAllow: parseEgressAllow(`127.0.0.1:${upstreamPort}`),
    connectTimeoutMs: 5000,
  });
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer) => {
    const request = {
      origin,
      path: incoming.url ?? "/",
      method: "POST",
      headers: ["content-type", "application/json", "authorization", "Bearer nobody"],
      body: [body],
      headersTimeoutMs: 30_000,
      idleTimeoutMs: 30_000,
    } as const;
    upstream.open(
      { ...request, headers: [...request.headers] },
      {
        head: (status, headers) => void outgoing.writeHead(status, headers as string[]),
        data: (bytes) => void outgoing.end(bytes),
        end: () => undefined,
        failed: () => void outgoing.destroy(),
      },
    );
  };
  createHttpServer({ noDelay: true, keepAliveTimeout: 65_000 }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () =>
      answer(incoming, outgoing, chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)),
    );
  }).listen(Number(port), "127.0.0.1");
}

/** Node's HTTP server alone: answers without asking anybody. */
function server(): void {
  const body = Buffer.from(JSON.stringify({ text: "x".repeat(580) }));
  const head = ["content-type", "application/json", "content-length", String(body.length)];
  createHttpServer({ noDelay: true, keepAliveTimeout: 65_000 }, (incoming, outgoing) => {
    incoming.on("data", () => undefined);
    incoming.on("end", () => outgoing.writeHead(200, head).end(body));
  }).listen(Number(port), "127.0.0.1");
}

if (kind === "net") await pass();
else if (kind === "server") server();
else relay();

/** For tests: gateways in front of MCP servers, and a server that records whatever reaches it. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buildMcpServer } from "@claviger/shared/testing/records";
import type { KeyRecord, McpServerRecord } from "@claviger/shared/wire/record";
import type { GatewayPorts, GatewaySettings } from "../../../app.ts";
import type { SharedKeys } from "../../../ports.ts";
import { parseEgressAllow } from "../egress.ts";
import { createUpstream } from "../upstream.ts";
import { type Answered, call, startGateway, type TestGateway } from "./rig.ts";

/** Keys as all replicas of one organization have them. */
export async function makeSharedKeys(): Promise<SharedKeys> {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
  const shared = { id: "dek_000000000001", key };
  return { newest: () => shared, byId: (id) => (id === shared.id ? shared : undefined) };
}

/** A gateway that may call anything on loopback and knows these servers, which accept whatever is offered. */
export async function startMcpGateway(
  servers: Readonly<Record<string, string>>,
  ports: Partial<GatewayPorts> = {},
  settings: Partial<GatewaySettings> = {},
): Promise<TestGateway> {
  const upstream = createUpstream({ egressAllow: parseEgressAllow("127.0.0.0/8"), connectTimeoutMs: 30_000 });
  const shared = ports.shared ?? (await makeSharedKeys());
  const gateway = await startGateway({ url: "http://127.0.0.1:1" }, settings, { upstream, ...ports, shared });
  for (const [i, [name, url]] of Object.entries(servers).entries()) {
    setServer(gateway, { id: `mcp_00000000000${i + 1}`, name, url, newOffers: "accept" });
  }
  return gateway;
}

/** Replaces one server; what is not named is as `buildMcpServer` has it. */
export function setServer(gateway: TestGateway, changes: Partial<McpServerRecord>): McpServerRecord {
  const record = buildMcpServer(changes);
  gateway.table.mcp.set(record.id, record);
  return record;
}

/** A key that may use all servers, and whatever a test changes about it. */
export function addMcpKey(gateway: TestGateway, changes: Partial<KeyRecord> = {}) {
  return gateway.table.addKey({ mcp: { enabled: true, mode: "allow-all" }, ...changes });
}

export interface Recorded {
  readonly method: string;
  readonly url: string;
  /** Names and values as they came. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Respond = (request: Recorded, outgoing: ServerResponse) => void;

/** A server of the test's making; `seen` is everything that reached it. */
export async function startRecorder(respond: Respond) {
  const seen: Recorded[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method = "", url = "", rawHeaders, headers } = incoming;
      const request = { method, url, rawHeaders, headers, body: Buffer.concat(chunks).toString() };
      seen.push(request);
      respond(request, outgoing);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type Recorder = Awaited<ReturnType<typeof startRecorder>>;

/** One message to a gateway, its answer whole. */
export function post(
  gateway: { url: string },
  path: string,
  secret: string,
  message: object | string,
  headers: Record<string, string> = {},
): Promise<Answered> {
  return call(gateway.url + path, {
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: typeof message === "string" ? message : JSON.stringify(message),
  });
}

/** A JSON-RPC request. */
export function rpc(method: string, params?: object, id: string | number = 1): object {
  return { jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) };
}

/** A stream that listens; resolves when it is open. */
export function listenAt(url: string, secret: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; text: () => string; ended: Promise<void>; leave: () => void }>(
    (resolve, reject) => {
      let text = "";
      const outgoing = request(url, {
        method: "GET",
        headers: { authorization: `Bearer ${secret}`, accept: "text/event-stream", ...headers },
        agent: false,
      });
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        incoming.on("data", (data) => {
          text += data;
        });
        incoming.on("error", () => undefined);
        const ended = new Promise<void>((done) => incoming.on("close", () => done()));
        const leave = () => outgoing.destroy();
        resolve({ status: incoming.statusCode ?? 0, text: () => text, ended, leave });
      });
      outgoing.end();
    },
  );
}

/** For tests: a gateway on a real port, a provider that does what it is told, and a caller. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { prepareRanges } from "@claviger/shared/decide/ip-ranges";
import type { ProviderRecord } from "@claviger/shared/wire/record";
import { createGateway, type GatewayPorts, type GatewaySettings } from "../../../app.ts";
import type { Clock } from "../../../ports.ts";
import { createCrypto } from "../crypto.ts";
import { parseEgressAllow } from "../egress.ts";
import { alreadyAnswered, exchangeOf, startServer } from "../server.ts";
import { createUpstream } from "../upstream.ts";
import { fakeFollower, fakeLedger, fakeTable, PROJECT } from "./parts.ts";

export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A provider of the test's making; `behave` answers, `seen` and `bytes` tell what arrived. */
export async function startProvider(
  behave: (incoming: IncomingMessage, outgoing: ServerResponse, body: string) => void,
) {
  const seen: SeenRequest[] = [];
  let open = 0;
  let bytes = 0;
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      seen.push({ path: incoming.url ?? "", headers: incoming.headers, body });
      behave(incoming, outgoing, body);
    });
  });
  server.on("connection", (socket) => {
    open++;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      open--;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    server,
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    openSockets: () => open,
    bytes: () => bytes,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type Provider = Awaited<ReturnType<typeof startProvider>>;

export const systemClock: Clock = { wallMs: () => Date.now(), monoMs: () => performance.now() };

const SETTINGS: GatewaySettings = {
  organizationId: "org_000000000001",
  gatewayId: "gw_000000000001",
  gatewayName: "test-1",
  trustedProxies: prepareRanges([]),
  bodyBytesMax: 20_000_000,
  bodyMsMax: 30_000,
  headersTimeoutMs: 30_000,
  firstByteTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  attemptsMax: 3,
  attemptsMsMax: 120_000,
  streamMsMax: 3_600_000,
  answerBytesMax: 64 * 1024 * 1024,
  streamBytesMax: 1024 * 1024 * 1024,
  stallMsMax: 60_000,
  drainMsMax: 30_000,
  mcpStreamsMax: 16,
};

/** A gateway in front of `provider`, as the LLM key `sandbox` with the models `echo` and `story`. */
export async function startGateway(
  provider: { url: string },
  changes: Partial<GatewaySettings> = {},
  portChanges: Partial<GatewayPorts> = {},
) {
  const table = fakeTable();
  table.providers.set("llm_000000000001", sandboxAt(provider.url));
  const follower = fakeFollower(table);
  const ledger = fakeLedger();
  const upstream = createUpstream({
    egressAllow: parseEgressAllow(new URL(provider.url).host),
    connectTimeoutMs: 2000,
  });
  const settings: GatewaySettings = { ...SETTINGS, ...changes };
  const gateway = createGateway(
    {
      clock: systemClock,
      crypto: createCrypto(),
      verify: async () => undefined,
      upstream,
      vault: { credentialFor: async () => "sk-provider-secret" },
      follower,
      ledger,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      replicas: () => 1,
      exchangeOf,
      alreadyAnswered,
      ...portChanges,
    },
    settings,
  );
  const server = await startServer(gateway, {
    host: "127.0.0.1",
    port: 0,
    gatewayName: settings.gatewayName,
    headMsMax: 5000,
    requestMsMax: 60_000,
  });
  return {
    table,
    follower,
    ledger,
    gateway,
    upstream,
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    server,
    async stop() {
      await server.stop(0);
      await upstream.close();
    },
  };
}

function sandboxAt(baseUrl: string): ProviderRecord {
  return {
    id: "llm_000000000001",
    projectId: PROJECT,
    provider: "sandbox",
    name: "sandbox",
    baseUrl,
    models: ["echo", "story"],
    secretVersion: 1,
  };
}

export type TestGateway = Awaited<ReturnType<typeof startGateway>>;

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** The connection broke before the answer's end. */
  readonly broken: boolean;
}

/** One request by plain `node:http`, its answer whole. */
export function call(
  url: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: string | Buffer;
    /** Told of every part of the answer. */
    onData?: () => void;
  } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: options.method ?? "POST",
      headers: options.headers ?? {},
      agent: false,
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        options.onData?.();
      });
      incoming.on("error", () => undefined);
      incoming.on("close", () => {
        const body = Buffer.concat(chunks).toString();
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body,
          broken: !incoming.complete,
        });
      });
    });
    outgoing.end(options.body);
  });
}

/** The headers of a JSON request with that secret. */
export function jsonHeaders(secret: string, more: Record<string, string> = {}): Record<string, string> {
  return { authorization: `Bearer ${secret}`, "content-type": "application/json", ...more };
}

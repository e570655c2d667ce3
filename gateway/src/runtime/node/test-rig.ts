/** For tests: a gateway on a real port with a table that the test writes, and a provider that does what it is told. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { prepareRanges } from "@claviger/shared/decide/ip-ranges";
import type { Freshness, TableView } from "@claviger/shared/decide/view";
import { makeApiKey } from "@claviger/shared/key/secret";
import type { KeyRecord, PolicyRecord, ProjectRecord, ProviderRecord } from "@claviger/shared/wire/record";
import { createGateway, type GatewayPorts, type GatewaySettings } from "../../app.ts";
import type { Abort, Follower } from "../../follow/follower.ts";
import type { Clock, OpenRecord } from "../../ports.ts";
import type { Ledger, Settlement } from "../../rooms.ts";
import { createCrypto } from "./crypto.ts";
import { parseEgressAllow } from "./egress.ts";
import { alreadyAnswered, exchangeOf, startServer } from "./server.ts";
import { createUpstream } from "./upstream.ts";

export const PROJECT = "prj_000000000001";
const ORGANIZATION = "org_000000000001";
const hashOf = createCrypto().keyHash;

export interface FakeTable {
  readonly view: TableView;
  readonly keys: Map<string, KeyRecord>;
  readonly providers: Map<string, ProviderRecord>;
  freshness: Freshness;
  policy: PolicyRecord;
  project: ProjectRecord;
  /** A new active key and its secret. */
  addKey(changes?: Partial<KeyRecord>): { secret: string; record: KeyRecord };
  edit(id: string, changes: Partial<KeyRecord>): void;
}

export function fakeTable(): FakeTable {
  const keys = new Map<string, KeyRecord>();
  const hashes = new Map<string, string>();
  const providers = new Map<string, ProviderRecord>();
  const table: FakeTable = {
    keys,
    providers,
    freshness: { ageMs: 100, nowMs: Date.now() },
    policy: {
      id: ORGANIZATION,
      enabled: true,
      auditPolicy: "strict",
      defaultMaxOutputTokens: null,
      bodyCapture: false,
      budgetId: null,
    },
    project: { id: PROJECT, enabled: true, budgetId: null },
    addKey(changes) {
      const made = makeApiKey((size) => crypto.getRandomValues(new Uint8Array(size)));
      const hash = hashOf(made.secret);
      const record: KeyRecord = { ...newKey(made.id, hash), ...changes };
      keys.set(made.id, record);
      hashes.set(hash, made.id);
      return { secret: made.secret, record };
    },
    edit(id, changes) {
      const record = keys.get(id);
      if (record !== undefined) keys.set(id, { ...record, ...changes });
    },
    view: {
      byHash(hash) {
        const key = keys.get(hashes.get(hash) ?? "");
        const entry = key?.hashes.find((each) => each.hash === hash);
        return key === undefined || entry === undefined ? undefined : { key, hash: entry };
      },
      key: (id) => keys.get(id),
      project: (id) => (id === table.project.id ? table.project : undefined),
      policy: () => table.policy,
      provider: (id) => providers.get(id),
      providersOf: () => [...providers.values()],
      configured: true,
      epoch: 1,
      rev: 1,
    },
  };
  return table;
}

function newKey(id: string, hash: string): KeyRecord {
  return {
    id,
    projectId: PROJECT,
    kind: "key",
    generation: 1,
    hashes: [{ hash, generation: 1, notAfterMs: null }],
    status: "active",
    expiresAtMs: null,
    maxStalenessSeconds: 900,
    requestsPerMinute: null,
    tokensPerMinute: null,
    maxConcurrency: null,
    budgetId: null,
    allowedProviders: null,
    allowedModels: null,
    ipAllowlist: null,
    gatewayIds: null,
    mcp: { enabled: false },
    metadata: { team: "blue" },
  };
}

export interface FakeFollower extends Follower {
  abort(abort: Partial<Abort>): number;
  waits: number;
}

export function fakeFollower(table: FakeTable): FakeFollower {
  let listener: ((abort: Abort) => number) | undefined;
  const none: ReadonlySet<string> = new Set();
  const follower: FakeFollower = {
    view: table.view,
    waits: 0,
    secret: () => undefined,
    freshness: () => ({ ...table.freshness, nowMs: Date.now() }),
    ready: () => true,
    async waitForUnknown() {
      follower.waits++;
    },
    waitForRevision: async (epoch, rev) => epoch === 1 && rev <= 1,
    onAbort(to) {
      listener = to;
      return () => {
        listener = undefined;
      };
    },
    abort: (abort) =>
      listener?.({
        epoch: 1,
        rev: 2,
        keyIds: none,
        providerIds: none,
        projectIds: none,
        everything: false,
        ...abort,
      }) ?? 0,
    status: () => ({
      configured: true,
      epoch: 1,
      rev: 1,
      durableRev: 1,
      chain: "",
      keys: table.keys.size,
      ageMs: table.freshness.ageMs,
      clockOffsetMs: 0,
      clockErrorMs: 0,
      clockTrusted: true,
      nack: undefined,
      loaded: "whole",
      heartbeats: { answered: 1, failed: 0 },
      dropped: { bad_signature: 3 },
      alarms: {},
    }),
  };
  return follower;
}

export interface FakeLedger extends Ledger {
  readonly opened: OpenRecord[];
  readonly settlements: Settlement[];
  readonly refusals: string[];
  records: boolean;
  /** Resolves when `n` requests have been settled. */
  settledCount(n: number): Promise<void>;
}

export function fakeLedger(): FakeLedger {
  const waiting: { n: number; resolve: () => void }[] = [];
  const ledger: FakeLedger = {
    opened: [],
    settlements: [],
    refusals: [],
    records: true,
    async open(record) {
      ledger.opened.push(record);
      return ledger.records;
    },
    withdraw() {},
    settle(settlement) {
      ledger.settlements.push(settlement);
      for (const each of waiting) if (ledger.settlements.length >= each.n) each.resolve();
    },
    refused(_facts, _key, code) {
      ledger.refusals.push(code);
    },
    settledCount(n) {
      if (ledger.settlements.length >= n) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ n, resolve }));
    },
  };
  return ledger;
}

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

/** A gateway in front of `provider`, as the LLM key `sandbox` with the models `echo` and `story`. */
export async function startGateway(
  provider: { url: string },
  changes: Partial<GatewaySettings> = {},
  portChanges: Partial<GatewayPorts> = {},
) {
  const table = fakeTable();
  table.providers.set("llm_000000000001", {
    id: "llm_000000000001",
    projectId: PROJECT,
    provider: "sandbox",
    name: "sandbox",
    baseUrl: provider.url,
    models: ["echo", "story"],
    secretVersion: 1,
  });
  const follower = fakeFollower(table);
  const ledger = fakeLedger();
  const upstream = createUpstream({
    egressAllow: parseEgressAllow(new URL(provider.url).host),
    connectTimeoutMs: 2000,
  });
  const settings: GatewaySettings = {
    gatewayId: "gw_000000000001",
    gatewayName: "test-1",
    trustedProxies: prepareRanges([]),
    bodyBytesMax: 20_000_000,
    bodyMsMax: 30_000,
    headersTimeoutMs: 30_000,
    idleTimeoutMs: 30_000,
    streamMsMax: 3_600_000,
    answerBytesMax: 64 * 1024 * 1024,
    streamBytesMax: 1024 * 1024 * 1024,
    stallMsMax: 60_000,
    drainMsMax: 30_000,
    ...changes,
  };
  const gateway = createGateway(
    {
      clock: systemClock,
      crypto: createCrypto(),
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
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
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
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
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

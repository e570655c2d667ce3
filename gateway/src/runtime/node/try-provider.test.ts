import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buildProvider } from "@claviger/shared/testing/records";
import type { ProviderRecord } from "@claviger/shared/wire/record";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTryProvider } from "../../forward/try-provider.ts";
import type { Upstream } from "../../ports.ts";
import { parseEgressAllow } from "./egress.ts";
import { createUpstream } from "./upstream.ts";

const GOOD = "sk-good";

let server: Server;
let port = 0;
let upstream: Upstream;
const asked: { path: string; headers: IncomingMessage["headers"] }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push({ path: request.url ?? "", headers: request.headers });
    const path = request.url ?? "";
    if (path.startsWith("/moved")) {
      return response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
    }
    if (path.startsWith("/gone")) return response.writeHead(404).end("{}");
    if (path.startsWith("/gemini-like")) {
      return response
        .writeHead(400)
        .end('{"error":{"message":"API key not valid. Please pass a valid API key."}}');
    }
    if (path.startsWith("/silent")) return;
    const said = [
      request.headers.authorization,
      request.headers["x-api-key"],
      request.headers["x-goog-api-key"],
    ];
    const in_ = said.some((value) => value === GOOD || value === `Bearer ${GOOD}`);
    if (!in_) return response.writeHead(401).end('{"error":{"message":"no"}}');
    response.writeHead(200, { "content-type": "application/json" }).end('{"data":[{"id":"a"},{"id":"b"}]}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  upstream = createUpstream({ egressAllow: parseEgressAllow(`127.0.0.1:${port}`), connectTimeoutMs: 3_000 });
});
afterAll(async () => {
  await upstream?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

function trying(changes: Partial<ProviderRecord>, credential: string | undefined = GOOD) {
  const record = buildProvider({ provider: "openai", baseUrl: `http://127.0.0.1:${port}`, ...changes });
  const run = createTryProvider({
    view: { provider: (id) => (id === record.id ? record : undefined) },
    vault: { credentialFor: async () => credential },
    upstream,
    clock: { monoMs: () => performance.now() },
  });
  return run(record.id);
}

test("a provider that lets us in is ok, with how many models it lists and how long it took", async () => {
  expect(await trying({})).toEqual({ outcome: "ok", latencyMs: expect.any(Number), status: 200, models: 2 });
});

test("each provider is asked in its own way, below whatever base URL it has", async () => {
  const cases: [Partial<ProviderRecord>, string, string][] = [
    [{ provider: "openai", baseUrl: `http://127.0.0.1:${port}/v1` }, "/v1/models", "authorization"],
    [{ provider: "anthropic" }, "/v1/models", "x-api-key"],
    [{ provider: "gemini" }, "/v1beta/models", "x-goog-api-key"],
    [{ provider: "groq" }, "/openai/v1/models", "authorization"],
    [{ provider: "openrouter" }, "/api/v1/key", "authorization"],
    [{ provider: "azure-openai" }, "/openai/models?api-version=2024-10-21", "api-key"],
    [
      { provider: "azure-openai", baseUrl: `http://127.0.0.1:${port}/openai/v1` },
      "/openai/v1/models",
      "api-key",
    ],
    [
      { provider: "openai-compatible", baseUrl: `http://127.0.0.1:${port}/llm` },
      "/llm/v1/models",
      "authorization",
    ],
  ];
  for (const [changes, path, header] of cases) {
    asked.length = 0;
    await trying(changes);
    expect([changes.provider, asked[0]?.path, header in (asked[0]?.headers ?? {})]).toEqual([
      changes.provider,
      path,
      true,
    ]);
  }
});

test("what stands in the way is told apart: the credential, the guard, the network, another kind of answer", async () => {
  const base = `http://127.0.0.1:${port}`;
  const outcomes: [Partial<ProviderRecord>, string | undefined, object][] = [
    [{}, "sk-bad", { outcome: "auth_failed", status: 401 }],
    [{ provider: "gemini", baseUrl: `${base}/gemini-like` }, "x", { outcome: "auth_failed", status: 400 }],
    [{ baseUrl: "https://169.254.169.254" }, GOOD, { outcome: "blocked", status: null }],
    [{ baseUrl: "https://[::ffff:10.0.0.1]" }, GOOD, { outcome: "blocked", status: null }],
    [{ baseUrl: "https://localhost" }, GOOD, { outcome: "blocked", status: null }],
    [{ baseUrl: `${base}/gone` }, GOOD, { outcome: "unexpected_answer", status: 404, models: null }],
    // Not followed.
    [{ baseUrl: `${base}/moved` }, GOOD, { outcome: "unexpected_answer", status: 302 }],
  ];
  for (const [changes, credential, outcome] of outcomes) {
    expect([changes, await trying(changes, credential)]).toEqual([changes, expect.objectContaining(outcome)]);
  }
});

test("nobody there, and nobody who answers, is unreachable; a credential that is not held here is said to be", async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port: free } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const open = createUpstream({
    egressAllow: parseEgressAllow(`127.0.0.1:${free},127.0.0.1:${port}`),
    connectTimeoutMs: 3_000,
  });
  const record = buildProvider({ provider: "openai", baseUrl: `http://127.0.0.1:${free}` });
  const run = createTryProvider({
    view: { provider: () => record },
    vault: { credentialFor: async () => GOOD },
    upstream: open,
    clock: { monoMs: () => performance.now() },
  });
  expect(await run(record.id)).toMatchObject({ outcome: "unreachable", status: null });
  await open.close();
  expect(await trying({ baseUrl: `http://127.0.0.1:${port}/silent` })).toMatchObject({
    outcome: "unreachable",
  });
  const unheld = createTryProvider({
    view: { provider: () => undefined },
    vault: { credentialFor: async () => GOOD },
    upstream,
    clock: { monoMs: () => 0 },
  });
  expect(await unheld("llm_000000000001")).toEqual({
    outcome: "not_held",
    latencyMs: 0,
    status: null,
    models: null,
  });
});

import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

type Behave = (incoming: IncomingMessage, outgoing: ServerResponse, body: string) => void;
let behave: Behave;
let provider: Provider;
let gateway: TestGateway;

beforeEach(async () => {
  provider = await startProvider((...all) => behave(...all));
  gateway = await startGateway(provider, {
    headersTimeoutMs: 300,
    idleTimeoutMs: 300,
    answerBytesMax: 100_000,
  });
});

afterEach(async () => {
  await gateway.stop();
  await provider.stop();
});

const JSON_TYPE = { "content-type": "application/json" };
const status =
  (code: number, headers: Record<string, string> = JSON_TYPE): Behave =>
  (_in, out) => {
    out.writeHead(code, headers);
    out.end('{"error":{"message":"the provider\'s own secret words"}}');
  };

const faults: [string, Behave, number, string, Record<string, string>?][] = [
  ["401", status(401), 502, "provider_auth_failed"],
  ["403", status(403), 502, "provider_auth_failed"],
  ["402", status(402), 502, "provider_error"],
  [
    "429",
    status(429, { ...JSON_TYPE, "retry-after": "17" }),
    429,
    "provider_rate_limited",
    { "retry-after": "17" },
  ],
  ["500", status(500), 502, "provider_error"],
  ["503", status(503), 502, "provider_error"],
  ["a redirect", status(302, { location: "http://169.254.169.254/" }), 502, "upstream_blocked"],
  ["silence before the head", () => undefined, 504, "provider_timeout"],
  ["a reset before the head", (incoming) => void incoming.socket.destroy(), 502, "provider_disconnected"],
  [
    "no HTTP at all",
    (incoming) => void incoming.socket.end("SSH-2.0-x\r\n\r\n"),
    502,
    "provider_bad_response",
  ],
  ["a page", status(200, { "content-type": "text/html" }), 502, "provider_bad_response"],
  [
    "JSON that is none",
    (_in, out) => {
      out.writeHead(200, JSON_TYPE);
      out.end("<html>");
    },
    502,
    "provider_bad_response",
  ],
  [
    "an empty answer",
    (_in, out) => {
      out.writeHead(200, JSON_TYPE);
      out.end();
    },
    502,
    "provider_bad_response",
  ],
  [
    "an announced flood",
    (_in, out) => {
      out.writeHead(200, { ...JSON_TYPE, "content-length": "100001" });
      out.write("{");
    },
    502,
    "provider_response_too_large",
  ],
];

for (const [name, how, expected, code, headers] of faults) {
  test(`provider answers with ${name}: ${expected} ${code}, in both dialects, and none of its words`, async () => {
    behave = how;
    const { secret, record } = gateway.table.addKey();
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      const answer = await call(gateway.url + path, {
        headers: jsonHeaders(secret),
        body: '{"model":"echo"}',
      });
      expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([expected, code]);
      expect(answer.body).not.toContain("secret words");
      expect(answer.headers["x-claviger-key"]).toBe(record.id);
      expect(answer.headers).toMatchObject(headers ?? {});
    }
    await gateway.ledger.settledCount(2);
    expect(gateway.ledger.settlements.map((each) => [each.status, each.code])).toEqual([
      [expected, code],
      [expected, code],
    ]);
  });
}

test("a provider's complaint about the request passes as it is", async () => {
  behave = (_in, out) => {
    out.writeHead(400, { ...JSON_TYPE, "x-ratelimit-remaining-tokens": "5", "set-cookie": "a=b" });
    out.end('{"error":{"message":"bad temperature"}}');
  };
  const answer = await call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(gateway.table.addKey().secret),
    body: '{"model":"echo"}',
  });
  expect([answer.status, answer.body]).toEqual([400, '{"error":{"message":"bad temperature"}}']);
  expect(answer.headers["x-ratelimit-remaining-tokens"]).toBeUndefined();
  expect(gateway.ledger.settlements[0]).toMatchObject({ status: 400, tokens: { input: 0, output: 0 } });
});

test("an unreachable provider is 502, and an address that is not public is never connected to", async () => {
  const { secret } = gateway.table.addKey();
  const [id, record] = [...gateway.table.providers][0] ?? [];
  if (id === undefined || record === undefined) throw new Error("no provider");
  const ask = async (baseUrl: string) => {
    gateway.table.providers.set(id, { ...record, baseUrl });
    const options = { headers: jsonHeaders(secret), body: '{"model":"echo"}' };
    const answer = await call(`${gateway.url}/v1/chat/completions`, options);
    return [answer.status, JSON.parse(answer.body).error.code];
  };
  behave = status(200);
  const { port } = new URL(provider.url);
  for (const url of [
    "https://169.254.169.254",
    `http://localhost:${port}`,
    `http://[::ffff:127.0.0.1]:${port}`,
    "http://0.0.0.0",
  ]) {
    expect([url, ...(await ask(url))]).toEqual([url, 502, "upstream_blocked"]);
  }
  expect(provider.bytes()).toBe(0);
  await provider.stop();
  expect(await ask(provider.url)).toEqual([502, "provider_disconnected"]);
  provider = await startProvider((...all) => behave(...all));
});

const EVENT = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"four"}}],"usage":null}\n\n';

test("a stream that breaks ends with an error event of the dialect, also inside an event", async () => {
  const { secret } = gateway.table.addKey();
  behave = (incoming, out) => {
    out.writeHead(200, { "content-type": "text/event-stream" });
    out.write(EVENT);
    out.write(EVENT.slice(0, 20), () => setTimeout(() => incoming.socket.destroy(), 30));
  };
  const gemini = "/v1beta/models/echo:streamGenerateContent?alt=sse";
  for (const [path, needle] of [
    ["/v1/chat/completions", '\n\ndata: {"error":{"message":"'],
    ["/v1/completions", '\n\ndata: {"error":{"message":"'],
    ["/v1/responses", '\n\nevent: error\ndata: {"type":"error","sequence_number":0,"error":{"message":"'],
    ["/v1/messages", '\n\nevent: error\ndata: {"type":"error","error":{"type":"api_error","message":"'],
    [gemini, '\n\ndata: {"error":{"code":502,"message":"'],
  ] as const) {
    const body = path === gemini ? "{}" : '{"model":"echo","stream":true}';
    const answer = await call(gateway.url + path, { headers: jsonHeaders(secret), body });
    expect([answer.status, answer.broken]).toEqual([200, false]);
    expect(answer.body).toContain(needle);
    expect(answer.body).toContain("provider_disconnected");
  }
});

test("a stream that falls silent ends with an error event; a whole answer that breaks breaks the connection", async () => {
  const { secret } = gateway.table.addKey();
  behave = (_in, out) => {
    out.writeHead(200, { "content-type": "text/event-stream" });
    out.write(EVENT);
  };
  const options = { headers: jsonHeaders(secret), body: '{"model":"echo","stream":true}' };
  const silent = await call(`${gateway.url}/v1/chat/completions`, options);
  expect(silent.body).toContain("provider_timeout");
  behave = (incoming, out) => {
    out.writeHead(200, JSON_TYPE);
    out.write('{"id":1,', () => setTimeout(() => incoming.socket.destroy(), 30));
  };
  const broken = await call(`${gateway.url}/v1/chat/completions`, { ...options, body: '{"model":"echo"}' });
  expect(broken.broken).toBe(true);
  behave = (_in, out) => {
    out.writeHead(200, JSON_TYPE);
    for (let n = 0; n < 20; n++) out.write(`{${" ".repeat(10_000)}`);
    out.end();
  };
  const flood = await call(`${gateway.url}/v1/chat/completions`, { ...options, body: '{"model":"echo"}' });
  expect([flood.broken, flood.body.length <= 100_000]).toEqual([true, true]);
});

test("an encoding that nobody here knows passes with its header and is charged by its bound", async () => {
  behave = (_in, out) => {
    out.writeHead(200, { ...JSON_TYPE, "content-encoding": "aes128gcm" });
    out.end('{"usage":{"prompt_tokens":1,"completion_tokens":1}}');
  };
  const answer = await call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(gateway.table.addKey().secret),
    body: '{"model":"echo"}',
  });
  expect(answer.headers["content-encoding"]).toBe("aes128gcm");
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]?.basis).toBe("bounded");
  expect(provider.seen.at(-1)?.headers["accept-encoding"]).toBe("identity");
  await vi.waitFor(() => expect(gateway.gateway.inflight()).toBe(0), { timeout: 15_000 });
});

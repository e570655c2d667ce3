import type { IncomingMessage, ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { GatewaySettings } from "../../app.ts";
import { parseEgressAllow } from "./egress.ts";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";
import { createUpstream } from "./upstream.ts";

const SSE = { "content-type": "text/event-stream" };
const JSON_TYPE = { "content-type": "application/json" };
const EVENT = 'data: {"choices":[{"delta":{"content":"four"}}]}\n\n';
const GOOD = '{"usage":{"prompt_tokens":7,"completion_tokens":3}}';
/** So long that a test in which another phase's time counts fails. */
const NEVER_MS = 600_000;
const SOON_MS = 150;

let behave: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
let provider: Provider;
let gateway: TestGateway | undefined;
let mute: Server;
const muteSockets: Socket[] = [];

beforeEach(async () => {
  provider = await startProvider((incoming, outgoing) => behave(incoming, outgoing));
  // Takes connections and never says a word, so that no TLS is ever agreed on.
  mute = createServer((socket) => {
    muteSockets.push(socket.on("error", () => undefined).resume());
  });
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  await provider.stop();
  for (const socket of muteSockets.splice(0)) socket.destroy();
  await new Promise((resolve) => mute.close(resolve));
});

async function startWith(timeouts: Partial<GatewaySettings>, connectTimeoutMs = NEVER_MS) {
  const never = { headersTimeoutMs: NEVER_MS, firstByteTimeoutMs: NEVER_MS, idleTimeoutMs: NEVER_MS };
  const upstream = createUpstream({ egressAllow: parseEgressAllow("127.0.0.0/8"), connectTimeoutMs });
  gateway = await startGateway(provider, { ...never, ...timeouts }, { upstream });
  return gateway;
}

function ask({ url, table }: TestGateway) {
  const headers = jsonHeaders(table.addKey().secret);
  return call(`${url}/v1/chat/completions`, { headers, body: '{"model":"echo","stream":true}' });
}

test("no connection in time: 504, nothing was sent and nothing is charged, and the next LLM key is asked", async () => {
  behave = (_in, out) => void out.writeHead(200, JSON_TYPE).end(GOOD);
  const started = await startWith({}, SOON_MS);
  const { providers } = started.table;
  const [record] = [...providers.values()];
  if (record === undefined) throw new Error("no provider");
  const baseUrl = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
  providers.set(record.id, { ...record, baseUrl });
  const alone = await ask(started);
  expect([alone.status, alone.headers["x-claviger-code"]]).toEqual([504, "provider_timeout"]);
  providers.set("llm_000000000002", { ...record, id: "llm_000000000002", name: "second" });
  const answer = await ask(started);
  expect([answer.status, answer.body]).toEqual([200, GOOD]);
  await started.ledger.settledCount(3);
  expect(started.ledger.settlements.map(({ code, tokens }) => [code, tokens.input])).toEqual([
    ["provider_timeout", 0],
    ["provider_timeout", 0],
    [null, 7],
  ]);
});

test("no head in time: 504, and what was sent is charged", async () => {
  behave = () => undefined;
  const started = await startWith({ headersTimeoutMs: SOON_MS });
  const answer = await ask(started);
  expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([504, "provider_timeout"]);
  await started.ledger.settledCount(1);
  expect(started.ledger.settlements[0]).toMatchObject({ basis: "bounded" });
  expect(started.ledger.settlements[0]?.tokens.input).toBeGreaterThan(0);
});

test.each<[string, typeof SSE, string]>([
  ["an event stream ends with an error event", SSE, "200 text/event-stream"],
  ["an answer in one piece is 504", JSON_TYPE, "504 application/json"],
])("no first byte in time: %s", async (_name, type, expected) => {
  behave = (_in, out) => void out.writeHead(200, type).flushHeaders();
  const answer = await ask(await startWith({ firstByteTimeoutMs: SOON_MS }));
  expect(`${answer.status} ${answer.headers["content-type"]}`).toBe(expected);
  expect(answer.body).toContain('"code":"provider_timeout"');
  expect(answer.broken).toBe(false);
});

test("silence after a byte, be it one that came with the head: an error event", async () => {
  for (const apart of [true, false]) {
    behave = (_in, out) => {
      out.writeHead(200, SSE);
      if (apart) out.flushHeaders();
      out.write(EVENT);
    };
    const started = await startWith({ idleTimeoutMs: SOON_MS });
    const answer = await ask(started);
    expect(answer.body.startsWith(EVENT)).toBe(true);
    expect(answer.body).toContain('"code":"provider_timeout"');
    await started.stop();
    gateway = undefined;
  }
});

test("a provider that says something often enough may take as long as it likes", async () => {
  behave = (_in, out) => {
    out.writeHead(200, SSE).flushHeaders();
    let n = 0;
    const writing = setInterval(() => {
      out.write(EVENT);
      if (++n < 12) return;
      clearInterval(writing);
      out.end();
    }, 200);
  };
  const timeouts = { headersTimeoutMs: 2_000, firstByteTimeoutMs: 2_000, idleTimeoutMs: 2_000 };
  const answer = await ask(await startWith(timeouts));
  expect([answer.body, answer.broken]).toEqual([EVENT.repeat(12), false]);
});

test.each<[string, string, string]>([
  ["comments", ": ping\n\n", EVENT],
  ["ping events", 'event: ping\ndata: {"type": "ping"}\n\n', EVENT],
  ["comments, and nothing was ever said", ": ping\n\n", ""],
])("a provider that only keeps the connection open is silent: %s", async (_name, ping, before) => {
  behave = (_in, out) => {
    out.writeHead(200, SSE).flushHeaders();
    out.write(before);
    const writing = setInterval(() => out.write(ping), 50);
    out.once("close", () => clearInterval(writing));
  };
  const answer = await ask(await startWith({ firstByteTimeoutMs: SOON_MS, idleTimeoutMs: SOON_MS }));
  expect(answer.body.startsWith(before + ping)).toBe(true);
  expect(answer.body).toContain('"code":"provider_timeout"');
});

test("pings between events are passed on and end nothing", async () => {
  behave = (_in, out) => {
    out.writeHead(200, SSE).flushHeaders();
    let n = 0;
    const writing = setInterval(() => {
      out.write(n % 4 === 0 ? EVENT : ": ping\n\n");
      if (++n < 24) return;
      clearInterval(writing);
      out.end();
    }, 150);
  };
  const answer = await ask(await startWith({ firstByteTimeoutMs: 30_000, idleTimeoutMs: 30_000 }));
  expect([answer.body, answer.broken]).toEqual([(EVENT + ": ping\n\n".repeat(3)).repeat(6), false]);
});

import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

const EVENT = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"four"}}],"usage":null}\n\n';
const STREAM = { "content-type": "text/event-stream" };
const BODY = '{"model":"echo","stream":true,"messages":[]}';

type Behave = (incoming: IncomingMessage, outgoing: ServerResponse, body: string) => void;
let behave: Behave;
let provider: Provider;
let gateway: TestGateway;

beforeEach(async () => {
  provider = await startProvider((...all) => behave(...all));
  gateway = await startGateway(provider);
});

afterEach(async () => {
  await gateway.stop();
  await provider.stop();
});

/** Sends a request on a socket of its own, which the test can break. */
function rawRequest(secret: string, body = BODY): Socket {
  const socket = connect(gateway.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return socket;
}

/** Finds what never comes; how soon it comes is nobody's promise here. */
const within = { timeout: 15_000, interval: 10 };

const phases: Record<string, { behave: Behave; leave: "asked" | "answered" }> = {
  "before the provider's head": { behave: () => undefined, leave: "asked" },
  "before its first byte": {
    behave: (_in, out) => {
      out.writeHead(200, STREAM);
      out.flushHeaders();
    },
    leave: "answered",
  },
  "in the middle of the stream": {
    behave: (_in, out) => {
      out.writeHead(200, STREAM);
      const writing = setInterval(() => out.write(EVENT), 5);
      out.on("close", () => clearInterval(writing));
    },
    leave: "answered",
  },
  "while the provider is silent": {
    behave: (_in, out) => {
      out.writeHead(200, STREAM);
      out.write(EVENT);
    },
    leave: "answered",
  },
};

test("what is written down of a request is dated by the corrected time", async () => {
  behave = (_in, out) => void out.end("{}");
  gateway.follower.freshness = () => ({ ageMs: 0, nowMs: 12_345 });
  rawRequest(gateway.table.addKey().secret);
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.opened.map(({ atMs }) => atMs)).toEqual([12_345]);
});

for (const [name, phase] of Object.entries(phases)) {
  for (const how of ["FIN", "RST"] as const) {
    test(`a caller that leaves ${name} (${how}) closes the provider's connection, settled once`, async () => {
      behave = phase.behave;
      const socket = rawRequest(gateway.table.addKey().secret);
      if (phase.leave === "answered") await new Promise((resolve) => socket.once("data", resolve));
      else await vi.waitFor(() => expect(provider.seen).toHaveLength(1), within);
      if (how === "FIN") socket.destroy();
      else socket.resetAndDestroy();
      await vi.waitFor(() => expect(provider.openSockets()).toBe(0), within);
      await gateway.ledger.settledCount(1);
      expect(gateway.ledger.settlements).toHaveLength(1);
      const [settled] = gateway.ledger.settlements;
      expect(settled).toMatchObject({ status: 499, code: "client_closed", basis: "bounded" });
      expect(settled?.tokens.input).toBeGreaterThan(0);
      expect(gateway.gateway.inflight()).toBe(0);
    });
  }
}

test("1000 callers that leave at any moment leave no socket and no open request", async () => {
  behave = (_in, out) => {
    out.writeHead(200, STREAM);
    const writing = setInterval(() => out.write(EVENT), 2);
    out.on("close", () => clearInterval(writing));
  };
  const { secret } = gateway.table.addKey({ maxConcurrency: 60 });
  for (let round = 0; round < 20; round++) {
    const sockets = Array.from({ length: 50 }, () => rawRequest(secret));
    await Promise.all(
      sockets.map(
        (socket, n) =>
          new Promise((resolve) => {
            socket.once("close", resolve);
            if (n % 2 === 0) socket.once("data", () => socket.destroy());
            else setTimeout(() => socket.destroy(), n % 7);
          }),
      ),
    );
    await vi.waitFor(() => expect(gateway.gateway.inflight()).toBe(0), within);
  }
  await vi.waitFor(() => expect(provider.openSockets()).toBe(0), within);
  expect(gateway.ledger.settlements.length).toBe(gateway.ledger.opened.length);
}, 60_000);

test("a caller that does not read holds the provider back, and a stalled one is cut off and settled", async () => {
  await gateway.stop();
  gateway = await startGateway(provider, { stallMsMax: 300 });
  let written = 0;
  behave = (_in, out) => {
    out.writeHead(200, STREAM);
    const chunk = EVENT.repeat(700);
    const pump = () => {
      while (!out.destroyed && out.write(chunk)) written += chunk.length;
      written += chunk.length;
    };
    out.on("drain", pump);
    pump();
  };
  const socket = rawRequest(gateway.table.addKey().secret);
  socket.pause();
  await vi.waitFor(() => expect(written).toBeGreaterThan(0), within);
  let before = -1;
  await vi.waitFor(
    () => {
      const moved = written !== before;
      before = written;
      expect(moved).toBe(false);
    },
    { timeout: 15_000, interval: 150 },
  );
  // What the kernel's socket buffers on both legs take, and nothing near the endless stream.
  expect(written).toBeLessThan(32 * 1024 * 1024);
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]).toMatchObject({ code: "client_stalled" });
  await vi.waitFor(() => expect(provider.openSockets()).toBe(0), within);
  socket.destroy();
}, 60_000);

test("a revocation ends a stream with an error event and closes the provider's connection", async () => {
  behave = phases["in the middle of the stream"]!.behave;
  const { secret, record } = gateway.table.addKey();
  const { promise: begun, resolve: onData } = Promise.withResolvers<void>();
  const headers = jsonHeaders(secret);
  const answer = call(`${gateway.url}/v1/chat/completions`, { headers, body: BODY, onData });
  await begun;
  gateway.table.edit(record.id, { status: "revoked" });
  expect(gateway.follower.abort({ keyIds: new Set([record.id]) })).toBe(1);
  const { status, body, broken } = await answer;
  expect([status, broken]).toEqual([200, false]);
  const last = body.trimEnd().split("\n\n").at(-1) ?? "";
  expect(JSON.parse(last.replace("data: ", "")).error).toMatchObject({
    code: "key_revoked",
    type: "authentication_error",
  });
  await vi.waitFor(() => expect(provider.openSockets()).toBe(0), within);
  expect(gateway.ledger.settlements[0]).toMatchObject({ status: 200, code: "key_revoked", basis: "bounded" });
});

test("a revocation before the answer has begun is answered 401", async () => {
  behave = () => undefined;
  const { secret, record } = gateway.table.addKey();
  const answer = call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body: BODY });
  await vi.waitFor(() => expect(provider.seen).toHaveLength(1), within);
  gateway.table.edit(record.id, { status: "inactive" });
  expect(gateway.follower.abort({ keyIds: new Set([record.id]) })).toBe(1);
  const { status, body } = await answer;
  expect([status, JSON.parse(body).error.code]).toEqual([401, "key_inactive"]);
  expect(gateway.follower.abort({ keyIds: new Set([record.id]) })).toBe(0);
  await vi.waitFor(() => expect(provider.openSockets()).toBe(0), within);
});

test("a key that dies while the body arrives is not forwarded", async () => {
  behave = (_in, out) => out.end();
  const { secret, record } = gateway.table.addKey();
  const found = vi.spyOn(gateway.table.view, "byHash");
  const socket = connect(gateway.port, "127.0.0.1");
  const answered = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\n` +
      `content-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY.slice(0, 10)}`,
  );
  await vi.waitFor(() => expect(found).toHaveBeenCalled(), within);
  gateway.table.edit(record.id, { status: "revoked" });
  socket.write(BODY.slice(10));
  expect(await answered).toContain("key_revoked");
  expect(provider.bytes()).toBe(0);
  socket.destroy();
});

test("a stream ends at its longest time", async () => {
  await gateway.stop();
  gateway = await startGateway(provider, { streamMsMax: 100 });
  behave = phases["in the middle of the stream"]!.behave;
  const answer = await call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(gateway.table.addKey().secret),
    body: BODY,
  });
  expect(answer.body).toContain('"stream_too_long"');
  expect(answer.broken).toBe(false);
});

test("a drained gateway finishes what is in flight, refuses new requests, and takes them again when told", async () => {
  let finish: (() => void) | undefined;
  behave = (_in, out) => {
    out.writeHead(200, STREAM);
    out.write(EVENT);
    finish = () => out.end("data: [DONE]\n\n");
  };
  const { secret } = gateway.table.addKey();
  const send = () => call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body: BODY });
  const first = send();
  await vi.waitFor(() => expect(finish).toBeDefined(), within);
  gateway.follower.drains = true;
  const second = await send();
  expect([second.status, JSON.parse(second.body).error.code]).toEqual([503, "draining"]);
  const readiness = await call(`${gateway.url}/readyz`, { method: "GET" });
  expect([readiness.status, readiness.body]).toEqual([503, '{"status":"draining"}']);
  finish?.();
  expect((await first).body).toContain("[DONE]");
  gateway.follower.drains = false;
  finish = undefined;
  const third = send();
  await vi.waitFor(() => expect(finish).toBeDefined(), within);
  (finish as (() => void) | undefined)?.();
  expect((await third).status).toBe(200);
});

test("at shutdown a request in flight ends by itself, new ones are refused, and what stays is ended", async () => {
  let finish: (() => void) | undefined;
  behave = (_in, out) => {
    out.writeHead(200, STREAM);
    out.write(EVENT);
    finish = () => out.end("data: [DONE]\n\n");
  };
  const { secret } = gateway.table.addKey();
  const first = call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body: BODY });
  await vi.waitFor(() => expect(finish).toBeDefined(), within);
  const stopped = gateway.server.stop(5000);
  const second = await call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(secret),
    body: BODY,
  });
  expect(second.status).toBe(503);
  expect(second.headers.connection).toBe("close");
  expect(JSON.parse(second.body).error.code).toBe("draining");
  expect((await call(`${gateway.url}/readyz`, { method: "GET" })).status).toBe(503);
  finish?.();
  expect((await first).body).toContain("[DONE]");
  await stopped;
});

import type { IncomingMessage, ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Reservation } from "../../rooms.ts";
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

const BODY = '{"model":"echo","stream":true,"messages":[]}';
const EVENT = 'data: {"choices":[{"index":0,"delta":{"content":"four"}}]}\n\n';
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n';
const STREAM = { "content-type": "text/event-stream" };
/** Finds what never comes; how soon it comes is measured by `npm run soak -- aborts`. */
const within = { timeout: 15_000, interval: 10 };

let behave: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
let provider: Provider;
let gateway: TestGateway;
let mute: Server;
const muteSockets: Socket[] = [];
const held = { asked: 0, released: 0, settled: 0 };
let mayReserve: Promise<void> | undefined;

beforeEach(async () => {
  provider = await startProvider((incoming, outgoing) => behave(incoming, outgoing));
  // Takes connections and never says a word, so that no TLS is ever agreed on.
  mute = createServer((socket) => {
    muteSockets.push(socket.on("error", () => undefined).resume());
  });
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  Object.assign(held, { asked: 0, released: 0, settled: 0 });
  mayReserve = undefined;
  const egressAllow = parseEgressAllow("127.0.0.0/8");
  const upstream = createUpstream({ egressAllow, connectTimeoutMs: 60_000 });
  gateway = await startGateway(provider, {}, { upstream, reserve });
});

afterEach(async () => {
  await gateway.stop();
  await provider.stop();
  for (const socket of muteSockets.splice(0)) socket.destroy();
  await new Promise((resolve) => mute.close(resolve));
});

async function reserve() {
  held.asked++;
  await mayReserve;
  return {
    ...{ budgets: [], journaled: false, output: undefined },
    settle: () => void held.settled++,
    release: () => void held.released++,
  } as unknown as Reservation;
}

/** Sends a request, or the beginning of it, on a socket of its own. */
function ask(secret = gateway.table.addKey().secret, sent = BODY): Socket {
  const socket = connect(gateway.port, "127.0.0.1").on("error", () => undefined);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\n` +
      `content-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${sent}`,
  );
  return socket;
}

const answered = (socket: Socket) => new Promise((resolve) => socket.once("data", resolve));

function changeProvider(changes: Record<string, string>): void {
  const [id, record] = [...gateway.table.providers][0] ?? [];
  if (id === undefined || record === undefined) throw new Error("no provider");
  gateway.table.providers.set(id, { ...record, ...changes });
}

test("a caller that leaves in the midst of its body costs nothing and leaves nothing", async () => {
  behave = (_in, out) => void out.writeHead(200, STREAM).end(EVENT);
  const found = vi.spyOn(gateway.table.view, "byHash");
  const { secret } = gateway.table.addKey({ maxConcurrency: 1 });
  const socket = ask(secret, BODY.slice(0, 10));
  await vi.waitFor(() => expect(found).toHaveBeenCalled(), within);
  const headers = jsonHeaders(secret);
  const again = async () =>
    (await call(`${gateway.url}/v1/chat/completions`, { headers, body: BODY })).status;
  expect(await again()).toBe(429);
  socket.destroy();
  await vi.waitFor(async () => expect(await again()).toBe(200), within);
  expect(gateway.ledger.opened).toHaveLength(1);
  expect(provider.seen).toHaveLength(1);
});

test("a caller that leaves while its cost is being set aside is not forwarded, and pays nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  mayReserve = promise;
  const socket = ask();
  await vi.waitFor(() => expect(held.asked).toBe(1), within);
  const gone = new Promise((done) => socket.once("close", done));
  socket.destroy();
  await gone;
  await pollLoop();
  resolve();
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]).toMatchObject({
    ...{ status: 499, code: "client_closed" },
    tokens: { input: 0, output: 0 },
  });
  expect(provider.bytes()).toBe(0);
  expect(held).toEqual({ asked: 1, released: 0, settled: 1 });
  expect(gateway.gateway.inflight()).toBe(0);
});

/** Lets the gateway's side of a closed connection be read. */
async function pollLoop(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a caller that leaves while the provider is being connected to takes the connection with it, and pays nothing", async () => {
  changeProvider({ baseUrl: `https://127.0.0.1:${(mute.address() as AddressInfo).port}` });
  const socket = ask();
  await vi.waitFor(() => expect(muteSockets).toHaveLength(1), within);
  socket.destroy();
  await vi.waitFor(() => expect(muteSockets[0]?.destroyed).toBe(true), within);
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]).toMatchObject({ status: 499, code: "client_closed" });
  expect(gateway.gateway.inflight()).toBe(0);
});

test("a caller that leaves a packed stream closes the provider's connection", async () => {
  behave = (_in, out) => {
    out.writeHead(200, { ...STREAM, "content-encoding": "gzip" });
    const writing = setInterval(() => out.write(gzipSync(EVENT)), 5);
    out.on("close", () => clearInterval(writing));
  };
  const socket = ask();
  await answered(socket);
  socket.destroy();
  await vi.waitFor(() => expect(provider.openSockets()).toBe(0), within);
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]).toMatchObject({ status: 499, basis: "bounded" });
});

test("a provider that bills to the end is read to its end for its usage, and the caller's place is free after that", async () => {
  changeProvider({ provider: "groq" });
  let end = () => {};
  behave = (_in, out) => {
    out.writeHead(200, STREAM);
    out.write(EVENT);
    end = () => void out.end(EVENT + USAGE);
  };
  const socket = ask();
  await answered(socket);
  const gone = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await gone;
  await pollLoop();
  expect(gateway.gateway.inflight()).toBe(1);
  end();
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]).toMatchObject({
    ...{ status: 499, code: "client_closed", basis: "provider" },
    tokens: { input: 7, output: 3 },
  });
  expect(gateway.gateway.inflight()).toBe(0);
});

test("a provider that bills to the end and does not come to one is left after its time", async () => {
  await gateway.stop();
  gateway = await startGateway(provider, { drainMsMax: 100 });
  changeProvider({ provider: "groq" });
  behave = (_in, out) => {
    out.writeHead(200, STREAM);
    out.write(EVENT);
  };
  const socket = ask();
  await answered(socket);
  socket.destroy();
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]).toMatchObject({ code: "client_closed", basis: "bounded" });
  await vi.waitFor(() => expect(provider.openSockets()).toBe(0), within);
});

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Upstream, UpstreamCall, UpstreamFailure, UpstreamRequest } from "../../ports.ts";
import { parseEgressAllow } from "./egress.ts";
import { createUpstream } from "./upstream.ts";

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

let server: Server;
let upstream: Upstream;
let origin: string;
let sockets: Socket[];
/** What came in on each connection. */
let received: string[];
let serve: (socket: Socket, text: string) => void;

beforeEach(async () => {
  sockets = [];
  received = [];
  serve = (socket) => socket.write(ANSWER);
  server = createServer((socket) => {
    const n = sockets.push(socket) - 1;
    received.push("");
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      received[n] += bytes.toString("latin1");
      serve(socket, received[n] as string);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  origin = `http://127.0.0.1:${port}`;
  upstream = createUpstream({ egressAllow: parseEgressAllow(`127.0.0.1:${port}`), connectTimeoutMs: 5000 });
});

afterEach(async () => {
  await upstream.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

interface Told {
  status?: number;
  body: string;
  end?: true;
  failed?: UpstreamFailure;
  nothingSent?: boolean | undefined;
}

function ask(changes: Partial<UpstreamRequest> = {}): {
  told: Told;
  call: UpstreamCall;
  over: Promise<Told>;
} {
  const told: Told = { body: "" };
  const over = Promise.withResolvers<Told>();
  const call = upstream.open(
    {
      ...{
        origin,
        path: "/v1/x",
        method: "POST",
        headers: ["x-a", "b"],
        body: [Buffer.from("bo"), Buffer.from("dy")],
      },
      ...{ headersTimeoutMs: 20_000, idleTimeoutMs: 20_000, ...changes },
    },
    {
      head(status) {
        told.status = status;
      },
      data(bytes) {
        told.body += Buffer.from(bytes).toString();
      },
      end() {
        told.end = true;
        over.resolve(told);
      },
      failed(failed, nothingSent) {
        Object.assign(told, { failed, nothingSent });
        over.resolve(told);
      },
    },
  );
  return { told, call, over: over.promise };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("one connection carries request after request, head and body as they were given", async () => {
  for (let n = 0; n < 3; n++) expect(await ask().over).toEqual({ status: 200, body: "ok", end: true });
  expect(sockets).toHaveLength(1);
  const request = "POST /v1/x HTTP/1.1\r\nhost: HOST\r\nconnection: keep-alive\r\nx-a: b\r\n";
  const whole = `${request}content-length: 4\r\n\r\nbody`.replace("HOST", new URL(origin).host);
  expect(received).toEqual([whole.repeat(3)]);
});

test("a body of any size arrives as it is", async () => {
  serve = (socket, text) => {
    if (text.length > 3_000_000) socket.write(ANSWER);
  };
  const body = Buffer.alloc(3_000_000, "x");
  const parts = [body.subarray(0, 10), body.subarray(10)];
  expect(await ask({ body: parts }).over).toMatchObject({ status: 200, end: true });
  expect(received[0]?.endsWith(`\r\n\r\n${body.toString()}`)).toBe(true);
});

test.each([
  ["says that it closes", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"],
  ["has bytes behind its answer", `${ANSWER}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother`],
  ["is of HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"],
  ["gives a second to come back", "HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok"],
])("a connection that %s is not used again", async (_name, answer) => {
  serve = (socket) => socket.write(answer);
  for (let n = 0; n < 2; n++) expect(await ask().over).toMatchObject({ body: "ok", end: true });
  expect(sockets).toHaveLength(2);
});

test("an answer that nobody asked for is nobody's", async () => {
  await ask().over;
  sockets[0]?.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
  await vi.waitFor(() => expect(sockets[0]?.destroyed).toBe(true), { timeout: 15_000 });
  expect(await ask().over).toMatchObject({ body: "ok" });
  expect(sockets).toHaveLength(2);
});

test("a connection that ended while nobody used it costs no request", async () => {
  await ask().over;
  sockets[0]?.end();
  await vi.waitFor(() => expect(sockets[0]?.destroyed).toBe(true), { timeout: 15_000 });
  expect(await ask().over).toMatchObject({ body: "ok" });
  await pause(700);
  sockets[1]?.destroy();
  expect(await ask().over).toMatchObject({ body: "ok" });
  expect(received.map((text) => text.split("POST").length - 1)).toEqual([1, 1, 1]);
});

test("a request that was sent is never sent twice", async () => {
  await ask().over;
  serve = (socket) => socket.destroy();
  expect(await ask().over).toEqual({ body: "", failed: "disconnected", nothingSent: false });
  expect(received.join("").split("POST").length - 1).toBe(2);
});

test("who cannot be reached has been sent nothing", async () => {
  const nobody = await new Promise<number>((resolve) => {
    const other = createServer().listen(0, "127.0.0.1", () => {
      const { port } = other.address() as AddressInfo;
      other.close(() => resolve(port));
    });
  });
  const allow = parseEgressAllow(`127.0.0.1:${nobody}`);
  await upstream.close();
  upstream = createUpstream({ egressAllow: allow, connectTimeoutMs: 5000 });
  const there = { origin: `http://127.0.0.1:${nobody}` };
  expect(await ask(there).over).toEqual({ body: "", failed: "disconnected", nothingSent: true });
  expect(await ask({ origin: "http://127.0.0.2:9" }).over).toMatchObject({ failed: "blocked" });
});

test.each([
  ["a path", { path: "/v1/x HTTP/1.1\r\nx-evil: 1\r\n\r\n" }],
  ["a name", { headers: ["x-a: b\r\nx-evil", "1"] }],
  ["a value", { headers: ["x-a", "b\r\nx-evil: 1"] }],
])("%s that would leave its place is not sent", async (_name, changes) => {
  expect(await ask(changes).over).toMatchObject({ failed: "disconnected", nothingSent: true });
  expect(received.join("")).toBe("");
});

test.each([
  ["no head", "", { headersTimeoutMs: 200 }],
  ["a head and no content", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", { firstByteTimeoutMs: 200 }],
  ["half an answer", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", { idleTimeoutMs: 200 }],
])(
  "%s is waited for as long as was said, and then the connection is closed",
  async (_name, bytes, limits) => {
    serve = (socket) => void (bytes === "" || socket.write(bytes));
    expect(await ask(limits).over).toMatchObject({ failed: "timeout", nothingSent: false });
    await vi.waitFor(() => expect(sockets[0]?.destroyed).toBe(true), { timeout: 15_000 });
  },
);

test("a call that is closed tells nothing more and leaves no connection, in every phase", async () => {
  serve = () => undefined;
  const connecting = ask();
  connecting.call.close();
  const waiting = ask();
  await vi.waitFor(() => expect(received.join("")).toContain("POST"), { timeout: 15_000 });
  waiting.call.close();
  serve = (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
  const reading = ask();
  await vi.waitFor(() => expect(reading.told.body).toBe("half"), { timeout: 15_000 });
  reading.call.close();
  await vi.waitFor(() => expect(sockets.every(({ destroyed }) => destroyed)).toBe(true), { timeout: 15_000 });
  expect([connecting.told, waiting.told]).toEqual([{ body: "" }, { body: "" }]);
  expect(reading.told).toEqual({ status: 200, body: "half" });
});

test("a caller that pauses holds the provider back, and its own pause is no silence", async () => {
  const size = 20_000_000;
  serve = (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size, "x"));
  };
  const { told, call, over } = ask({ idleTimeoutMs: 300 });
  await vi.waitFor(() => expect(told.body.length).toBeGreaterThan(0), { timeout: 15_000, interval: 1 });
  call.pause();
  await turn();
  const held = told.body.length;
  await pause(800);
  expect(told.body.length).toBe(held);
  call.resume();
  expect((await over).body.length).toBe(size);
  expect(told.failed).toBeUndefined();
});

import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControlPlane } from "../../app.ts";
import type { Ports } from "../../ports.ts";
import { type RunningServer, startServer } from "./server.ts";

let running: RunningServer;

beforeAll(async () => {
  // What is refused here reaches no verb, so only ids and the log are ever asked for.
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const wake = { on: () => () => undefined };
  const ports = { log, random, wake, clock: { nowMs: Date.now } } as unknown as Ports;
  const app = createControlPlane(ports, {
    publicUrl: "http://127.0.0.1",
    operatorToken: "operator-token-of-the-tests-0123456789",
    egressAllow: [],
  });
  running = await startServer(app, {
    host: "127.0.0.1",
    port: 0,
    stopping: new AbortController().signal,
    headMsMax: 300,
    requestMsMax: 600,
  });
});
afterAll(() => {
  running?.server.close();
  running?.server.closeAllConnections();
});

/** All that a connection answers until it is closed; `more` goes on sending. */
function raw(bytes: string, more?: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(running.port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
    more?.(socket);
  });
}

function expectRefusal(answer: string, status: number, code: string): void {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  const id = /^x-request-id: (req_[0-9A-Za-z]{12})\r?$/im.exec(head)?.[1];
  const errors = [expect.objectContaining({ id, status: String(status), code })];
  expect(JSON.parse(body)).toEqual({ errors });
}

const GET = "GET /api/v1/status HTTP/1.1\r\n";
const CLOSE = "host: x\r\nconnection: close\r\n";

test.each([
  ["headers of 40 KB", `${GET}host: x\r\nx-large: ${"a".repeat(40_000)}\r\n\r\n`, 431, "headers_too_large"],
  [
    "two lengths of one body",
    `POST /api/v1/sessions HTTP/1.1\r\n${CLOSE}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    "invalid_header",
  ],
  ["no Host", `${GET}connection: close\r\n\r\n`, 400, "invalid_header"],
  ["a Host that is none", `${GET}host: a/b\r\nconnection: close\r\n\r\n`, 400, "invalid_header"],
  ["an expectation that nobody knows", `${GET}${CLOSE}expect: foo\r\n\r\n`, 400, "invalid_header"],
  [
    "a tunnel",
    "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n",
    405,
    "method_not_allowed",
  ],
  ["no HTTP at all", "hello\r\n\r\n", 400, "invalid_header"],
  ["an unknown method nowhere", `FOO /nothing HTTP/1.1\r\n${CLOSE}\r\n`, 404, "unknown_url"],
  ["a head that does not end", "GET / HTTP/1.1\r\nhost: x\r\n", 408, "request_timeout"],
])("what is no request is refused in the words of the table: %s", async (_name, bytes, status, code) => {
  expectRefusal(await raw(bytes), status, code);
});

test("a method that the parser does not know is refused by the route, which names those it takes", async () => {
  const answer = await raw(`FOO /api/v1/sessions HTTP/1.1\r\n${CLOSE}\r\n`);
  expectRefusal(answer, 405, "method_not_allowed");
  expect(answer).toMatch(/^allow: .*POST/im);
});

test("a known method in small letters runs nothing", async () => {
  const answer = await raw(`post /api/v1/sessions HTTP/1.1\r\n${CLOSE}\r\n`);
  expectRefusal(answer, 405, "method_not_allowed");
});

test("a body that comes byte by byte is refused when its time is over", async () => {
  const head = `POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n`;
  const answer = await raw(head, (socket) => {
    const dripping = setInterval(() => socket.write(" "), 50);
    socket.on("close", () => clearInterval(dripping));
  });
  expectRefusal(answer, 408, "request_timeout");
});

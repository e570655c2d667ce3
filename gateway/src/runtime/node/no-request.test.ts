import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

let provider: Provider;
let gateway: TestGateway;
let secret: string;

beforeAll(async () => {
  provider = await startProvider((_in, out) => out.end("{}"));
  gateway = await startGateway(provider, { bodyBytesMax: 10_000, bodyMsMax: 200 });
  secret = gateway.table.addKey().secret;
});

afterAll(async () => {
  // The whole file refuses: nothing of it may have reached the provider.
  expect(provider.bytes()).toBe(0);
  await gateway.stop();
  await provider.stop();
});

const CHAT = "/v1/chat/completions";

/** What a socket answers to these bytes, when it has closed. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(gateway.port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
}

test("headers over 16 KiB are 431, a body that does not come is 408, an announced flood is refused unread", async () => {
  const head = `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\n`;
  const large = await raw(`${head}x-large: ${"a".repeat(17_000)}\r\n\r\n`);
  expect(large).toMatch(/^HTTP\/1\.1 431 /);
  expect(large).toContain('"headers_too_large"');
  const slow = await raw(`${head}content-length: 100\r\n\r\n{`);
  expect(slow).toMatch(/^HTTP\/1\.1 408 /);
  expect(slow).toContain('"request_timeout"');
  const flood = await call(gateway.url + CHAT, {
    headers: jsonHeaders("nobody", { "content-length": "4000000000" }),
    body: "{",
  }).catch((error: Error) => error.message);
  expect(flood).toMatchObject({ status: 413 });
});

test("a request whose head came too late is refused, and not carried out when the rest of it comes", async () => {
  const body = JSON.stringify({ model: "sandbox/echo", messages: [{ role: "user", content: "hi" }] });
  const socket = connect(gateway.port, "127.0.0.1", () =>
    socket.write(`POST ${CHAT} HTTP/1.1\r\nhost: x\r\n`),
  );
  let text = "";
  const refused = new Promise<void>((resolve) => {
    socket.on("data", (data) => {
      text += data;
      resolve();
    });
  });
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.on("error", () => undefined);
  await refused;
  const head = `authorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(head + body);
  await closed;
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
  // Whatever was begun has ended by then; that nothing reached the provider is asked when all is over.
  await call(gateway.url + CHAT, { headers: jsonHeaders("nobody"), body: "{}" });
}, 60_000);

test("a credential with a byte that is not ASCII is malformed, also where the parser takes it", async () => {
  for (const bytes of [Buffer.from([0x80]), Buffer.from([0xff]), Buffer.from("\u00e9"), Buffer.from("\t")]) {
    const value = Buffer.concat([Buffer.from("Bearer a"), bytes, Buffer.from("b")]).toString("latin1");
    const answer = await raw(
      `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${value}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('"malformed_api_key"');
  }
});

test("what operators ask for names its request, each time another one", async () => {
  const ids = new Set<string>();
  for (const path of ["/healthz", "/readyz", "/metrics", "/healthz"]) {
    const { headers } = await call(gateway.url + path, { method: "GET" });
    expect(headers["x-claviger-gateway"]).toBe("test-1");
    expect(headers["x-request-id"]).toMatch(/^req_[0-9A-Za-z]{12}$/);
    ids.add(String(headers["x-request-id"]));
  }
  expect(ids.size).toBe(4);
});

test("what never becomes a request is answered like any other refusal", async () => {
  const rest = `authorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n`;
  const cases: [string, number, string, string?][] = [
    [`POST ${CHAT} HTTP/1.1\r\n${rest}`, 400, "invalid_header"],
    [`POST ${CHAT} HTTP/1.1\r\nhost: a b\r\n${rest}`, 400, "invalid_header"],
    [`POST ${CHAT} HTTP/1.1\r\nhost: x\r\nexpect: foo\r\n${rest}`, 400, "invalid_header"],
    [`FOO ${CHAT} HTTP/1.1\r\nhost: x\r\n${rest}`, 405, "method_not_allowed", "allow: POST"],
    [`FOO /nowhere HTTP/1.1\r\nhost: x\r\n${rest}`, 404, "unknown_url"],
    [`CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n`, 405, "method_not_allowed", "allow: \r\n"],
  ];
  const withCredential = (name: string, value: string, path = CHAT) =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\n${name}: ${value}\r\n\r\n`;
  for (const byte of ["\x00", "\x08", "\x0b", "\x0c", "\x0e", "\x1f", "\x7f"]) {
    cases.push([withCredential("Authorization", `Bearer a${byte}b`), 401, "malformed_api_key", "Bearer"]);
  }
  for (const name of ["x-api-key", "x-goog-api-key", "api-key"]) {
    cases.push([withCredential(name, "a\x01b"), 401, "malformed_api_key"]);
  }
  cases.push([withCredential("authorization", "Bearer a\x01b", "/nowhere"), 404, "unknown_url"]);
  for (const byte of ["\r", "\n"]) {
    cases.push([withCredential("authorization", `Bearer a${byte}b`), 400, "invalid_header"]);
  }
  cases.push([withCredential("x-other", "a\x01b"), 400, "invalid_header"]);
  cases.push([withCredential("x-other: authorization", "a\x01b"), 400, "invalid_header"]);
  for (const [bytes, status, code, header] of cases) {
    const text = (await raw(bytes)).replace(/^Allow/im, "allow");
    expect(text.split("\r\n")[0], bytes).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).toMatch(/x-request-id: req_[0-9A-Za-z]{12}\r\n/i);
    expect(text).toMatch(/x-claviger-gateway: \S+\r\n/i);
    expect(JSON.parse(text.slice(text.indexOf("{"))).error.code).toBe(code);
    if (header !== undefined) expect(text).toContain(header);
  }
});

/**
 * A gateway's port and whatever bytes come in: heads, chunks, JSON. It answers with an error that has its parts, or closes;
 * never with a 500; who has no key reaches nobody; and afterwards it serves as before.
 */
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "../../gateway/src/runtime/node/testing/rig.ts";
import { runsOf, valueWith } from "./values.ts";

let provider: Provider;
let gateway: TestGateway;
let secret: string;

beforeAll(async () => {
  provider = await startProvider((_in, out) => {
    out.writeHead(200, { "content-type": "application/json" });
    out.end('{"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}');
  });
  gateway = await startGateway(provider, { bodyBytesMax: 20_000, bodyMsMax: 300 });
  secret = gateway.table.addKey().secret;
});
afterAll(async () => {
  await gateway.stop();
  await provider.stop();
});

const CLOSED_MS_MAX = 30_000;

/** What comes back for these bytes until the connection is closed; a caller that has sent all of it goes. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end of ${JSON.stringify(bytes.slice(0, 300))}, heard ${text}`));
    }, CLOSED_MS_MAX);
    const socket = connect(gateway.port, "127.0.0.1", () => socket.end(bytes, "latin1"));
    socket.setEncoding("latin1");
    socket.on("data", (data: string) => {
      text += data;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(late);
      resolve(text);
    });
  });
}

/** Every answer in it: known to this port, and an error with its parts. */
function judge(text: string): void {
  for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
    expect(text, "no fault of ours").not.toMatch(/HTTP\/1\.1 500 /);
    expect([100, 200, 400, 401, 404, 405, 408, 411, 413, 415, 417, 426, 431, 501, 503, 505]).toContain(
      Number(status),
    );
  }
  expect(text).not.toMatch(/\bat .*\.ts:\d+|sk-provider-secret/);
}

const methods = fc.constantFrom(
  "POST",
  "GET",
  "PUT",
  "post",
  "PROPFIND",
  "CONNECT",
  "TRACE",
  "",
  "PO ST",
  "POST\t",
);
const targets = fc.oneof(
  fc.constantFrom("/v1/chat/completions", "/v1/messages", "/v1/embeddings", "/v1/models", "/v1/responses"),
  fc.constantFrom(
    "/v1beta/models/echo:generateContent",
    "/v1beta/models/%00:generateContent",
    "//",
    "*",
    "/%ff%fe",
  ),
  fc.constantFrom(
    "/v1/chat/completions?a=%",
    "http://x/v1/models",
    "/../etc/passwd",
    "/v1/chat/completions#x",
    "",
  ),
  fc.string({ maxLength: 60 }).map((text) => `/${text}`),
);
const headers = fc.constantFrom(
  ...[
    "host: x",
    "host: x\r\nhost: y",
    "content-type: application/json",
    "content-type: text/plain",
    "content-type:",
  ],
  ...[
    "content-length: 5",
    "content-length: -1",
    "content-length: 5\r\ncontent-length: 6",
    "content-length: 0x10",
  ],
  ...[
    "content-length: 99999999999999999999",
    "transfer-encoding: chunked",
    "transfer-encoding: chunked, identity",
  ],
  ...[
    "transfer-encoding: xchunked",
    "Transfer-Encoding : chunked",
    "transfer-encoding: gzip",
    "expect: 100-continue",
  ],
  ...[
    "expect: 200-ok",
    "connection: upgrade\r\nupgrade: websocket",
    "connection: keep-alive, host",
    " folded: yes",
  ],
  ...[
    "x-a: \0",
    "x-b: \xff\xfe",
    "x-forwarded-for: 10.0.0.1",
    "x-sandbox: {",
    "x-min-revision: 9.9",
    ": empty",
  ],
  ...[
    "content-encoding: gzip",
    "content-encoding: br, gzip",
    "authorization: Bearer",
    "x-api-key: nobody",
    "cookie: a=b",
  ],
  ...[
    "authorization: Basic eDp5",
    "authorization: Bearer clv_live_0\r\nx-api-key: other",
    `x-long: ${"a".repeat(5_000)}`,
  ],
);
const bodies = fc.oneof(
  fc.constantFrom(
    "",
    "{",
    '{"model":"echo"}',
    "0\r\n\r\n",
    "5\r\nabcde\r\n0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "-1\r\n",
  ),
  fc.constantFrom(
    "5;x=y\r\nabcde\r\n0\r\nhost: z\r\n\r\n",
    "5\nabcde\n0\n\n",
    "G\r\n",
    "0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
  ),
  fc.string({ unit: "binary", maxLength: 100 }),
);
const versions = fc.constantFrom("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", "");

test("I11, I19: bytes that are no request, or one without a key, are refused or closed, and nothing goes upstream", async () => {
  const before = provider.bytes();
  await fc.assert(
    fc.asyncProperty(
      ...([methods, targets, versions, fc.array(headers, { maxLength: 6 }), bodies] as const),
      async (method, target, version, list, body) => {
        judge(
          await raw(
            `${method} ${target} ${version}\r\n${list.map((line) => `${line}\r\n`).join("")}\r\n${body}`,
          ),
        );
      },
    ),
    runsOf(250),
  );
  expect(provider.bytes()).toBe(before);
  await serves();
});

const PARTS = [
  "model",
  "messages",
  "stream",
  "max_tokens",
  "n",
  "tools",
  "stream_options",
  "role",
  "content",
  "input",
];

test("I19: a request with a key and any JSON is served or told what is wrong with it, in the schema of errors", async () => {
  await fc.assert(
    fc.asyncProperty(valueWith(PARTS), fc.boolean(), async (value, named) => {
      const object = typeof value === "object" && value !== null && !Array.isArray(value);
      const whole = named && object ? { messages: [], ...value, model: "echo" } : value;
      const body = JSON.stringify(whole) ?? "";
      const answer = await call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });
      expect(answer.headers["x-request-id"]).toMatch(/^req_/);
      if (answer.status === 200) return;
      expect([400, 403, 404, 413, 415]).toContain(answer.status);
      const { error } = JSON.parse(answer.body) as { error: Record<string, unknown> };
      expect(error).toMatchObject({
        code: expect.any(String),
        type: expect.any(String),
        message: expect.any(String),
      });
    }),
    runsOf(200),
  );
  await serves();
});

/** JSON that is read differently by different readers: the first refusal must be that it is not valid. */
test.each([
  ["a member twice", '{"model":"echo","model":"story","messages":[]}'],
  ["a member twice, spelled differently", '{"model":"echo","\\u006dodel":"story","messages":[]}'],
  ["a comment", '{"model":"echo",/* */"messages":[]}'],
  ["a comma at the end", '{"model":"echo","messages":[],}'],
  ["single quotes", "{'model':'echo'}"],
  ["a byte order mark", '\ufeff{"model":"echo","messages":[]}'],
  ["a lone surrogate", '{"model":"echo","messages":[{"role":"user","content":"\\ud800"}]}'],
  ["NaN", '{"model":"echo","messages":[],"n":NaN}'],
  ["two values", '{"model":"echo","messages":[]}{}'],
  ["65 levels", `{"model":"echo","messages":${"[".repeat(65)}${"]".repeat(65)}}`],
  ["a prototype", '{"model":"echo","messages":[],"__proto__":{"a":1}}'],
  ["a control byte", '{"model":"echo","messages":["\u0001"]}'],
  ["a number that is none", '{"model":"echo","messages":[],"n":01}'],
])("%s is not valid JSON here, and sends nothing upstream", async (_what, body) => {
  const before = provider.bytes();
  const answer = await call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });
  expect([answer.status, (JSON.parse(answer.body) as { error: { code: string } }).error.code]).toEqual([
    400,
    "invalid_json",
  ]);
  expect(provider.bytes()).toBe(before);
});

async function serves(): Promise<void> {
  const body = '{"model":"echo","messages":[]}';
  const answer = await call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });
  expect(answer.status).toBe(200);
}

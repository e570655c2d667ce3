/** What of a caller never reaches a server, and when streams end. */
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  addMcpKey,
  listenAt,
  post,
  rpc,
  setServer,
  startMcpGateway,
  startRecorder,
} from "./testing/mcp-rig.ts";
import { type FakeServer, startFakeServer, tool } from "./testing/mcp-server.ts";
import type { TestGateway } from "./testing/rig.ts";

let server: FakeServer;
let gateway: TestGateway;
const PATH = "/mcp/files";

beforeAll(async () => {
  server = await startFakeServer({ tools: [tool("read")] });
  gateway = await startMcpGateway({ files: server.url });
});

afterAll(async () => {
  await gateway.stop();
  await server.stop();
});

const listen = (secret: string, headers: Record<string, string> = {}) =>
  listenAt(gateway.url + PATH, secret, headers);

const WAIT = { timeout: 60_000, interval: 20 };

test("a caller's key reaches no server, in whatever header, cookie or query it stands", async () => {
  const { secret } = addMcpKey(gateway);
  const begun = await post(gateway, PATH, secret, rpc("initialize", { protocolVersion: "2025-11-25" }));
  const session = { "mcp-session-id": String(begun.headers["mcp-session-id"]) };
  const names = [
    ...[
      "cookie",
      "x-api-key",
      "proxy-authorization",
      "x-forwarded-for",
      "x-forwarded-authorization",
      "forwarded",
    ],
    ...[
      "user-agent",
      "referer",
      "origin",
      "x-custom",
      "accept-language",
      "traceparent",
      "baggage",
      "via",
      "from",
    ],
    ...["mcp-method", "mcp-name", "mcp-param-key", "x-mcp-key", "x-claviger-key", "if-none-match", "range"],
  ];
  const canary = Object.fromEntries(names.map((name) => [name, secret]));
  const query = `?key=${secret}&api_key=${secret}`;
  for (const message of [
    rpc("initialize", { protocolVersion: "2025-11-25" }),
    rpc("tools/list"),
    rpc("ping"),
  ]) {
    const answer = await post(gateway, PATH + query, secret, message, { ...canary, ...session });
    expect(answer.status).toBe(200);
  }
  const stream = await listen(secret, { ...canary, ...session });
  expect(stream.status).toBe(200);
  stream.leave();
  for (const name of ["last-event-id", "mcp-protocol-version", "mcp-session-id"]) {
    const refused = await listen(secret, { ...session, [name]: secret });
    expect([name, refused.status]).toEqual([name, name === "mcp-session-id" ? 404 : 400]);
  }
  expect(server.seen.length).toBeGreaterThanOrEqual(5);
  for (const { url, rawHeaders, body } of server.seen) {
    expect(`${url} ${rawHeaders.join(" ")} ${body}`).not.toContain(secret.slice(9, 40));
    expect(url).toBe("/mcp");
    for (let i = 0; i < rawHeaders.length; i += 2) expect(SENT).toContain(rawHeaders[i]?.toLowerCase());
  }
});

/** All that a server ever sees the name of. */
const SENT = [
  ...["host", "connection", "content-length", "accept", "accept-encoding", "user-agent", "content-type"],
  ...["mcp-session-id", "mcp-protocol-version"],
];

test("what the organization sends with its requests is the administrator's, never the caller's", async () => {
  const headers = {
    authorization: "Bearer of-the-organization",
    "x-team": "blue",
    host: "evil",
    "mcp-name": "x",
  };
  const other = await startMcpGateway({}, { vault: { credentialFor: async () => JSON.stringify(headers) } });
  setServer(other, { name: "files", url: server.url, newOffers: "accept", secretVersion: 1 });
  const { secret } = addMcpKey(other);
  server.seen.length = 0;
  expect((await post(other, PATH, secret, rpc("ping"))).status).toBe(200);
  const [seen] = server.seen;
  expect(seen?.headers).toMatchObject({ authorization: "Bearer of-the-organization", "x-team": "blue" });
  expect(seen?.headers.host).toBe(new URL(server.url).host);
  expect(seen?.headers["mcp-name"]).toBeUndefined();
  await other.stop();
});

test("a stream ends when its key is revoked, and so does the server's side of it", async () => {
  const { secret, record } = addMcpKey(gateway);
  const stream = await listen(secret);
  await expect.poll(() => server.streams.size, WAIT).toBe(1);
  gateway.table.edit(record.id, { status: "revoked" });
  expect(gateway.follower.abort({ keyIds: new Set([record.id]) })).toBe(1);
  await stream.ended;
  await expect.poll(() => server.streams.size, WAIT).toBe(0);
  expect((await listen(secret)).status).toBe(401);
});

test.each([
  ["the key loses the server", (id: string) => gateway.table.edit(id, { mcp: { enabled: false } })],
  ["the key expires", (id: string) => gateway.table.edit(id, { expiresAtMs: Date.now() - 1 })],
  [
    "the server is disabled",
    () => void setServer(gateway, { name: "files", url: server.url, newOffers: "accept", enabled: false }),
  ],
  [
    "the server moves",
    () => void setServer(gateway, { name: "files", url: `${server.url}2`, newOffers: "accept" }),
  ],
])("a stream ends also where nothing said so, within ticks: %s", async (_, change) => {
  setServer(gateway, { name: "files", url: server.url, newOffers: "accept" });
  const { secret, record } = addMcpKey(gateway);
  const stream = await listen(secret);
  expect(stream.status).toBe(200);
  change(record.id);
  await stream.ended;
  setServer(gateway, { name: "files", url: server.url, newOffers: "accept" });
});

test("a change that leaves a key its rights leaves it its stream", async () => {
  const { secret, record } = addMcpKey(gateway);
  const stream = await listen(secret);
  await expect.poll(() => server.streams.size, WAIT).toBe(1);
  gateway.table.edit(record.id, { requestsPerMinute: 100 });
  expect(gateway.follower.abort({ keyIds: new Set([record.id]) })).toBe(0);
  const [open] = server.streams;
  open?.write(
    'event: message\nid: 7\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n',
  );
  open?.write('event: message\ndata: {"jsonrpc":"2.0","method":"evil/method"}\n\n');
  open?.write('event: message\ndata: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n');
  await expect.poll(() => stream.text(), WAIT).toContain('"ping"');
  expect(stream.text()).toMatch(/^id: \S{20,}$/m);
  expect(stream.text()).not.toContain("evil");
  stream.leave();
  await expect.poll(() => server.streams.size, WAIT).toBe(0);
});

test("a stream is resumed by whom it was for, and by nobody else; a list that turns up in it is filtered", async () => {
  const { secret } = addMcpKey(gateway, {
    mcp: { enabled: true, mode: "allow-all", tools: { files: ["read"] } },
  });
  const first = await listen(secret);
  await expect.poll(() => server.streams.size, WAIT).toBe(1);
  const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
  for (const open of server.streams) open.write(`id: of-the-server\ndata: ${JSON.stringify(ping)}\n\n`);
  await expect.poll(() => first.text(), WAIT).toContain('"ping"');
  const id = /^id: (\S+)$/m.exec(first.text())?.[1] ?? "";
  expect(id).not.toContain("of-the-server");
  first.leave();
  await expect.poll(() => server.streams.size, WAIT).toBe(0);
  const other = addMcpKey(gateway);
  for (const [key, event] of [
    [other.secret, id],
    [secret, "of-the-server"],
    [secret, `${id.slice(0, -2)}AA`],
  ] as const) {
    expect((await listen(key, { "last-event-id": event })).status).toBe(400);
  }
  const stream = await listen(secret, { "last-event-id": id });
  await expect.poll(() => server.streams.size, WAIT).toBe(1);
  expect(server.seen.at(-1)?.headers["last-event-id"]).toBe("of-the-server");
  const result = { tools: [tool("read"), tool("secret-tool")] };
  for (const open of server.streams)
    open.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id: 5, result })}\n\n`);
  await expect.poll(() => stream.text(), WAIT).toContain('"read"');
  expect(stream.text()).not.toContain("secret-tool");
  stream.leave();
});

test("a call that streams ends with an error of its own when its key is revoked", async () => {
  const slow = await startRecorder((request, outgoing) => {
    if (request.body === "") return void outgoing.writeHead(405).end();
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    outgoing.write('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n');
    left = new Promise((resolve) => outgoing.on("close", () => resolve()));
  });
  let left: Promise<void> = Promise.resolve();
  setServer(gateway, { id: "mcp_000000000005", name: "slow", url: slow.url, newOffers: "accept" });
  const { secret, record } = addMcpKey(gateway);
  const answer = await fetch(`${gateway.url}/mcp/slow`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(rpc("tools/call", { name: "read" }, "mine")),
  });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader?.read())?.value ?? "";
  gateway.table.edit(record.id, { status: "revoked" });
  gateway.follower.abort({ keyIds: new Set([record.id]) });
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { done: true };
    if (done) break;
    text += value;
  }
  expect(text).toContain('"id":"mine","error"');
  expect(text).toContain('"key_revoked"');
  await left;
  expect(gateway.ledger.settlements.at(-1)).toMatchObject({
    code: "key_revoked",
    facts: { mcp: { server: "slow", name: "read", outcome: "aborted" } },
  });
  await slow.stop();
});

test("a server that sends elsewhere, garbage or too much is not followed, believed or read on", async () => {
  const { secret } = addMcpKey(gateway);
  let respond: (outgoing: ServerResponse) => void = () => undefined;
  const odd = await startRecorder((_, outgoing) => respond(outgoing));
  setServer(gateway, { id: "mcp_000000000006", name: "odd", url: odd.url, newOffers: "accept" });
  const json = { "content-type": "application/json" };
  const version = { jsonrpc: "2.0", id: 1, result: { protocolVersion: "2099-01-01" } };
  const cases: [(outgoing: ServerResponse) => void, number, string][] = [
    [(out) => out.writeHead(302, { location: "http://169.254.169.254/" }).end(), 502, "upstream_blocked"],
    [(out) => out.writeHead(401, { "www-authenticate": "Bearer" }).end(), 502, "provider_auth_failed"],
    [(out) => out.writeHead(429).end(), 429, "provider_rate_limited"],
    [(out) => out.writeHead(500).end("secret of the server"), 502, "provider_error"],
    [(out) => out.writeHead(200, { "content-type": "text/html" }).end("<p>"), 502, "provider_bad_response"],
    [(out) => out.writeHead(200, json).end("{"), 502, "provider_bad_response"],
    [(out) => out.writeHead(200, json).end("[]"), 502, "provider_bad_response"],
    [(out) => out.writeHead(200, json).end(JSON.stringify(version)), 502, "provider_bad_response"],
    [(out) => void out.destroy(), 502, "provider_disconnected"],
    [
      (out) => out.writeHead(200, { ...json, "content-length": 10 ** 9 }).write(Buffer.alloc(70 << 20, 32)),
      502,
      "provider_response_too_large",
    ],
  ];
  for (const [behave, status, code] of cases) {
    respond = behave;
    const answer = await post(
      gateway,
      "/mcp/odd",
      secret,
      rpc("initialize", { protocolVersion: "2025-11-25" }),
    );
    expect([code, answer.status, JSON.parse(answer.body).error.data.code]).toEqual([code, status, code]);
    expect(answer.body).not.toContain("secret of the server");
  }
  await odd.stop();
});

test("at a shutdown those who only listen are let go first", async () => {
  const other = await startMcpGateway({ files: server.url });
  const { secret } = addMcpKey(other);
  const answer = await fetch(other.url + PATH, { headers: { authorization: `Bearer ${secret}` } });
  expect(answer.status).toBe(200);
  const text = answer.text();
  expect(other.gateway.quiet()).toBe(true);
  await other.server.stop(3_600_000);
  expect(await text).toBe("");
  await other.stop();
});

test("an address that the egress guard blocks is never called, whoever registered it", async () => {
  const { secret } = addMcpKey(gateway);
  for (const url of ["http://169.254.169.254/mcp", "http://10.0.0.1/mcp", "https://[::ffff:10.0.0.1]/mcp"]) {
    setServer(gateway, { name: "files", url, newOffers: "accept" });
    const answer = await post(gateway, PATH, secret, rpc("ping"));
    expect([answer.status, JSON.parse(answer.body).error.data.code]).toEqual([502, "upstream_blocked"]);
  }
  setServer(gateway, { name: "files", url: server.url, newOffers: "accept" });
});

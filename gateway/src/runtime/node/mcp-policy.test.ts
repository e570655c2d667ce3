/** What a key may not do with MCP it cannot do by any door, and the server behind sees nothing of the attempt. */
import { pinOf } from "@claviger/shared/wire/mcp-pin";
import type { McpPolicy } from "@claviger/shared/wire/record";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { addMcpKey, post, rpc, setServer, startMcpGateway } from "./testing/mcp-rig.ts";
import { type FakeServer, startFakeServer, tool } from "./testing/mcp-server.ts";
import type { TestGateway } from "./testing/rig.ts";

let server: FakeServer;
let gateway: TestGateway;
const PATH = "/mcp/files";

beforeAll(async () => {
  server = await startFakeServer({
    tools: [tool("read"), tool("write"), tool("a/b"), tool("a_b"), tool("constructor")],
    prompts: [{ name: "greet", description: "" }],
    resources: [{ uri: "file:///a.txt", name: "a" }],
    resourceTemplates: [{ uriTemplate: "file:///docs/{name}", name: "docs" }],
  });
  gateway = await startMcpGateway({ files: server.url });
});

beforeEach(() => {
  setServer(gateway, { name: "files", url: server.url, newOffers: "accept" });
  server.seen.length = 0;
});

afterAll(async () => {
  await gateway.stop();
  await server.stop();
});

const keyWith = (mcp: McpPolicy) => addMcpKey(gateway, { mcp });
const call = (secret: string, name: string) => post(gateway, PATH, secret, rpc("tools/call", { name }));

function expectRefused(answer: Awaited<ReturnType<typeof post>>, code: string, status = 403): void {
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
    status,
    { jsonrpc: "2.0", error: { message: expect.any(String), data: { code } } },
  ]);
  expect(server.fromClients()).toEqual([]);
}

/** Each mode with what it leaves of the tools; undefined: not even the server. */
const MODES: readonly [McpPolicy, readonly string[] | undefined][] = [
  [{ enabled: false }, undefined],
  [{ enabled: true }, undefined],
  [{ enabled: true, mode: "deny-all" }, undefined],
  [{ enabled: true, mode: "allow-list", servers: ["other"] }, undefined],
  [{ enabled: true, mode: "deny-list", servers: ["files"] }, undefined],
  [{ enabled: true, mode: "allow-all" }, ["read", "write", "a/b", "a_b", "constructor"]],
  [{ enabled: true, mode: "allow-all", tools: { files: ["read"] } }, ["read"]],
  [{ enabled: true, mode: "allow-all", tools: { files: [] } }, []],
  [{ enabled: true, mode: "allow-list", servers: ["files"], tools: { files: ["a_b"] } }, ["a_b"]],
  [
    { enabled: true, mode: "deny-list", servers: ["other"], tools: { files: ["write", "a/b"] } },
    ["write", "a/b"],
  ],
];

test.each(MODES)("%j: a tool is in the list and can be called, or neither", async (mcp, allowed) => {
  const { secret } = keyWith(mcp);
  const listed = await post(gateway, PATH, secret, rpc("tools/list"));
  if (allowed === undefined) {
    expectRefused(listed, mcp.enabled ? "mcp_server_not_allowed" : "mcp_disabled");
  } else {
    const names = JSON.parse(listed.body).result.tools.map(({ name }: { name: string }) => name);
    expect(names).toEqual(allowed);
  }
  for (const { name } of server.offers.tools) {
    server.seen.length = 0;
    const answer = await call(secret, name);
    if (allowed?.includes(name)) {
      expect(JSON.parse(answer.body).result.content[0].text).toBe(`called ${name}`);
    } else if (allowed === undefined) {
      expectRefused(answer, mcp.enabled ? "mcp_server_not_allowed" : "mcp_disabled");
    } else expectRefused(answer, "mcp_tool_not_allowed");
  }
});

test("a name that looks like an allowed one is another name", async () => {
  const { secret } = keyWith({ enabled: true, mode: "allow-all", tools: { files: ["read", "a_b"] } });
  for (const name of [
    "Read",
    "READ",
    "read ",
    " read",
    "reаd",
    "ｒead",
    "read\u200b",
    "a/b",
    "a-b",
    "re\u0301ad",
  ]) {
    expectRefused(await call(secret, name), "mcp_tool_not_allowed");
  }
  for (const name of ["__proto__", "constructor", "toString"]) {
    expectRefused(await call(secret, name), "mcp_tool_not_allowed");
  }
  for (const path of ["/mcp/Files", "/mcp/files%20", "/mcp/f%69les", "/mcp/ｆiles", "/mcp/constructor"]) {
    const answer = await post(gateway, encodeURI(path).replaceAll("%25", "%"), secret, rpc("tools/list"));
    expectRefused(answer, "mcp_server_not_allowed");
  }
});

test("what is not one plain message is refused: batches, members twice or unknown, other text", async () => {
  const { secret } = keyWith({ enabled: true, mode: "allow-all", tools: { files: ["read"] } });
  const good = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}';
  const cases: [string, string][] = [
    [`[${good}]`, "invalid_mcp_message"],
    [`[[${good}]]`, "invalid_mcp_message"],
    ["[]", "invalid_mcp_message"],
    ['"x"', "invalid_mcp_message"],
    [good.replace('"id":1', '"id":1,"method":"ping"'), "invalid_json"],
    [good.replace('"id":1', '"id":1,"m\\u0065thod":"ping"'), "invalid_json"],
    [good.replace('"name":"read"', '"name":"read","name":"write"'), "invalid_json"],
    [good.replace('"name":"read"', '"name":"read","n\\u0061me":"write"'), "invalid_json"],
    [good.replace('"id":1', '"id":1,"__proto__":{"method":"ping"}'), "invalid_json"],
    [`\ufeff${good}`, "invalid_json"],
    [`${good}${good}`, "invalid_json"],
    [`${good}\n${good}`, "invalid_json"],
    [good.replace('"id":1', '"id":null'), "invalid_mcp_message"],
    [good.replace('"id":1', '"id":1.5'), "invalid_mcp_message"],
    [good.replace('"id":1', '"id":{}'), "invalid_mcp_message"],
    [good.replace('"2.0"', '"1.0"'), "invalid_mcp_message"],
    [good.replace('"jsonrpc":"2.0",', ""), "invalid_mcp_message"],
    [good.replace('"id":1', '"id":1,"Method":"tools/list"'), "invalid_mcp_message"],
    [good.replace('"id":1', '"id":1,"result":{}'), "invalid_mcp_message"],
    [good.replace('{"name":"read"}', '["read"]'), "invalid_mcp_message"],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', "invalid_mcp_message"],
    ['{"jsonrpc":"2.0","id":1}', "invalid_mcp_message"],
  ];
  for (const [body, code] of cases) expectRefused(await post(gateway, PATH, secret, body), code, 400);
  const refused = { "content-type": "text/plain" };
  expectRefused(await post(gateway, PATH, secret, good, refused), "unsupported_media_type", 415);
  expectRefused(
    await post(gateway, PATH, secret, rpc("tools/call", { name: ["read"] })),
    "invalid_value",
    400,
  );
});

/** Every method of clients with params that name something of the server's. */
const METHODS: readonly [string, object | undefined][] = [
  ["tools/call", { name: "read" }],
  ["prompts/get", { name: "greet" }],
  ["resources/read", { uri: "file:///a.txt" }],
  ["resources/subscribe", { uri: "file:///a.txt" }],
  ["resources/unsubscribe", { uri: "file:///a.txt" }],
  ["completion/complete", { ref: { type: "ref/prompt", name: "greet" }, argument: { name: "a", value: "" } }],
  [
    "completion/complete",
    { ref: { type: "ref/resource", uri: "file:///docs/{name}" }, argument: { name: "name", value: "" } },
  ],
  ["subscriptions/listen", { notifications: { resourceSubscriptions: ["file:///a.txt"] } }],
  ["tasks/get", { taskId: "1" }],
  ["tasks/result", { taskId: "1" }],
  ["tasks/list", undefined],
  ["tasks/cancel", { taskId: "1" }],
];

test("every method is refused to a key without rights, and lists are empty for one without tools", async () => {
  const all = [
    "initialize",
    "ping",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
  ];
  const denied = keyWith({ enabled: true, mode: "deny-all" });
  for (const [method, params] of [...METHODS, ...all.map((each) => [each, undefined] as const)]) {
    expectRefused(await post(gateway, PATH, denied.secret, rpc(method, params)), "mcp_server_not_allowed");
  }
  for (const method of ["GET", "DELETE"]) {
    const answer = await fetch(gateway.url + PATH, {
      method,
      headers: { authorization: `Bearer ${denied.secret}` },
    });
    expect(answer.status).toBe(method === "GET" ? 403 : 404);
    await answer.body?.cancel();
  }
  expect(server.fromClients()).toEqual([]);
  const narrowed = keyWith({ enabled: true, mode: "allow-all", tools: { files: [] } });
  for (const [method, params] of METHODS) {
    const answer = await post(gateway, PATH, narrowed.secret, rpc(method, params));
    expectRefused(answer, JSON.parse(answer.body).error.data.code);
    expect(JSON.parse(answer.body).error.data.code).toMatch(/^mcp_(tool|prompt|resource)_not_allowed$/);
  }
  for (const [method, member] of [
    ["tools/list", "tools"],
    ["prompts/list", "prompts"],
    ["resources/list", "resources"],
    ["resources/templates/list", "resourceTemplates"],
  ] as const) {
    const answer = await post(gateway, PATH, narrowed.secret, rpc(method));
    expect(JSON.parse(answer.body).result).toEqual({ [member]: [] });
  }
});

test("a method that nobody knows is refused, whatever it is", async () => {
  const { secret } = keyWith({ enabled: true, mode: "allow-all" });
  for (const method of [
    "tools/Call",
    "tools/call ",
    "rpc.discover",
    "sampling/createMessage",
    "roots/list",
    "",
  ]) {
    expectRefused(await post(gateway, PATH, secret, rpc(method)), "unknown_mcp_method", 404);
  }
  const notification = { jsonrpc: "2.0", method: "tools/call", params: { name: "read" } };
  expectRefused(await post(gateway, PATH, secret, notification), "unknown_mcp_method", 404);
});

test("a key's policy is that of the table as it is now, also in the middle of a session", async () => {
  const { secret, record } = keyWith({ enabled: true, mode: "allow-all" });
  const begun = await post(gateway, PATH, secret, rpc("initialize", { protocolVersion: "2025-11-25" }));
  const session = { "mcp-session-id": String(begun.headers["mcp-session-id"]) };
  const ask = () => post(gateway, PATH, secret, rpc("tools/call", { name: "read" }), session);
  expect((await ask()).status).toBe(200);
  gateway.table.edit(record.id, { mcp: { enabled: true, mode: "allow-all", tools: { files: ["write"] } } });
  server.seen.length = 0;
  expectRefused(await ask(), "mcp_tool_not_allowed");
  gateway.table.edit(record.id, { mcp: { enabled: true, mode: "deny-all" } });
  expectRefused(await ask(), "mcp_server_not_allowed");
  gateway.table.edit(record.id, { mcp: { enabled: true, mode: "allow-all" } });
  setServer(gateway, { name: "files", url: server.url, newOffers: "accept", enabled: false });
  expectRefused(await ask(), "mcp_server_not_allowed");
  setServer(gateway, {
    name: "files",
    url: server.url,
    newOffers: "accept",
    projectIds: ["prj_000000000009"],
  });
  expectRefused(await ask(), "mcp_server_not_allowed");
  setServer(gateway, { name: "files", url: server.url, newOffers: "accept" });
  expect((await ask()).status).toBe(200);
});

test("a session of one key is nothing for another, by any method; nor made up, nor at another address", async () => {
  setServer(gateway, { id: "mcp_000000000002", name: "other", url: server.url, newOffers: "accept" });
  const mine = keyWith({ enabled: true, mode: "allow-all" });
  const theirs = keyWith({ enabled: true, mode: "allow-all" });
  const begun = await post(gateway, PATH, mine.secret, rpc("initialize", { protocolVersion: "2025-11-25" }));
  const token = String(begun.headers["mcp-session-id"]);
  expect(token).not.toContain("upstream");
  server.seen.length = 0;
  const tries: [string, string, string][] = [
    [theirs.secret, PATH, token],
    [mine.secret, "/mcp/other", token],
    [mine.secret, PATH, "upstream-1"],
    [mine.secret, PATH, `${token.slice(0, -4)}AAAA`],
    [mine.secret, PATH, `x${token}`],
  ];
  for (const [secret, path, session] of tries) {
    const headers = { "mcp-session-id": session };
    const answer = await post(gateway, path, secret, rpc("tools/list"), headers);
    expectRefused(answer, "session_not_found", 404);
    for (const method of ["GET", "DELETE"]) {
      const other = await fetch(gateway.url + path, {
        method,
        headers: { ...headers, authorization: `Bearer ${secret}` },
      });
      expect([method, other.status]).toEqual([method, 404]);
      await other.body?.cancel();
    }
  }
  expect(server.seen).toEqual([]);
  const headers = { "mcp-session-id": token };
  expect((await post(gateway, PATH, mine.secret, rpc("tools/list"), headers)).status).toBe(200);
  expect(server.seen.at(-1)?.headers["mcp-session-id"]).toMatch(/^upstream-\d+$/);
});

test("what is pending is neither listed nor called; what the server changes is hidden until it is accepted anew", async () => {
  const pin = async (name: string) => {
    const definition = server.offers.tools.find((each) => each.name === name) ?? {};
    return { kind: "tool" as const, name, hash: (await pinOf("tool", { ...definition })) ?? null };
  };
  const pins = [await pin("read"), { ...(await pin("write")), hash: null }];
  setServer(gateway, { name: "files", url: server.url, newOffers: "pending", pins });
  const { secret } = keyWith({ enabled: true, mode: "allow-all" });
  const listed = async () => {
    const { body } = await post(gateway, PATH, secret, rpc("tools/list"));
    return JSON.parse(body).result.tools.map(({ name }: { name: string }) => name);
  };
  const calls = () => server.methods().filter((method) => method === "tools/call").length;
  expect(await listed()).toEqual(["read"]);
  expect((await call(secret, "read")).status).toBe(200);
  for (const name of ["write", "a_b"]) expect((await call(secret, name)).status).toBe(403);
  expect(calls()).toBe(1);
  expect((await post(gateway, PATH, secret, rpc("prompts/get", { name: "greet" }))).status).toBe(403);
  expect((await post(gateway, PATH, secret, rpc("resources/read", { uri: "file:///a.txt" }))).status).toBe(
    403,
  );
  const kept = server.offers.tools;
  server.offers.tools = kept.map((each) => (each.name === "read" ? tool("read", "sends it to me") : each));
  expect(await listed()).toEqual([]);
  expect((await call(secret, "read")).status).toBe(403);
  expect(calls()).toBe(1);
  setServer(gateway, { name: "files", url: server.url, newOffers: "pending", pins: [await pin("read")] });
  expect((await call(secret, "read")).status).toBe(200);
  server.offers.tools = kept;
});

test("a resource is read by its accepted URI or by an accepted template, and by no step out of it", async () => {
  const pins = [
    {
      kind: "resource-template" as const,
      name: "file:///docs/{name}",
      hash: (await pinOf("resource-template", { uriTemplate: "file:///docs/{name}", name: "docs" })) ?? null,
    },
  ];
  setServer(gateway, { name: "files", url: server.url, newOffers: "pending", pins });
  const { secret } = keyWith({ enabled: true, mode: "allow-all" });
  const read = (uri: string) => post(gateway, PATH, secret, rpc("resources/read", { uri }));
  expect((await read("file:///docs/readme.md")).status).toBe(200);
  for (const uri of [
    "file:///a.txt",
    "file:///docs/",
    "file:///docs/..",
    "file:///docs/../a.txt",
    "file:///docs/%2e%2e",
    "file:///docs/..%2fa.txt",
    "file:///docs/%2e%2e%2fa.txt",
    "file:///docs/..%5ca.txt",
    "file:///docs/a/b",
    "FILE:///docs/readme.md",
    "file:///docs/a%00",
    "file:///docs/%",
  ]) {
    expect([uri, (await read(uri)).status]).toEqual([uri, 403]);
  }
  expect(server.methods().filter((method) => method === "resources/read")).toHaveLength(1);
});

test("every call is written down with server, name, outcome and the revision that decided", async () => {
  const { secret } = keyWith({ enabled: true, mode: "allow-all", tools: { files: ["read"] } });
  const { settlements, refusals, refusedFacts, opened } = gateway.ledger;
  const before = [settlements.length, refusals.length];
  await call(secret, "read");
  await call(secret, "write");
  await gateway.ledger.settledCount((before[0] ?? 0) + 1);
  expect(settlements.at(-1)).toMatchObject({
    admission: { provider: { provider: "mcp", id: "mcp_000000000001" }, model: "files/read" },
    facts: {
      surface: "mcp",
      mcp: { server: "files", method: "tools/call", name: "read", outcome: "ok", epoch: 1, rev: 1 },
    },
    spent: { cost: "0" },
    status: 200,
    code: null,
  });
  expect(opened.at(-1)).toMatchObject({ surface: "mcp", provider: "mcp", model: "files/read" });
  expect(refusals.at(-1)).toBe("mcp_tool_not_allowed");
  expect(refusedFacts.at(-1)?.mcp).toMatchObject({
    server: "files",
    name: "write",
    outcome: "refused",
    rev: 1,
  });
});

test("no call without a record of it", async () => {
  const { secret } = keyWith({ enabled: true, mode: "allow-all" });
  gateway.ledger.records = false;
  expectRefused(await call(secret, "read"), "audit_unavailable", 503);
  gateway.ledger.records = true;
});

test("a key may call tools only so often in a minute; other requests go on", async () => {
  const { secret } = addMcpKey(gateway, { toolCallsPerMinute: 2 });
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await call(secret, "read")).status);
  expect(statuses).toEqual([200, 200, 429, 429]);
  server.seen.length = 0;
  expectRefused(await call(secret, "read"), "rate_limit_exceeded", 429);
  expect((await post(gateway, PATH, secret, rpc("tools/list"))).status).toBe(200);
});

test("addresses of MCP take three methods; what is none of them is told in JSON-RPC", async () => {
  const { secret } = keyWith({ enabled: true, mode: "allow-all" });
  const headers = { authorization: `Bearer ${secret}` };
  for (const [path, method, status, code] of [
    ["/mcp/files", "PUT", 405, "method_not_allowed"],
    ["/mcp", "PATCH", 405, "method_not_allowed"],
    ["/mcp/files/more", "POST", 404, "unknown_url"],
    ["/mcp/", "POST", 404, "unknown_url"],
  ] as const) {
    const answer = await fetch(gateway.url + path, { method, headers });
    expect([path, answer.status, await answer.json()]).toMatchObject([
      path,
      status,
      { jsonrpc: "2.0", id: null, error: { data: { code } } },
    ]);
    if (status === 405) expect(answer.headers.get("allow")).toBe("GET, POST, DELETE");
  }
  const anonymous = await post(gateway, PATH, "", rpc("ping"));
  expect([anonymous.status, anonymous.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
});

/** Doors that are none: what is not one message, methods that name something else, other sessions, other addresses. */
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
function expectRefused(answer: Awaited<ReturnType<typeof post>>, code: string, status = 403): void {
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
    status,
    { jsonrpc: "2.0", error: { message: expect.any(String), data: { code } } },
  ]);
  expect(server.fromClients()).toEqual([]);
}

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

test("a member that servers in Go take for the deciding one is refused", async () => {
  const { secret } = keyWith({ enabled: true, mode: "allow-all", tools: { files: ["read"] } });
  const ref = { type: "ref/prompt", name: "greet" };
  const cases: [string, object][] = [
    ["tools/call", { name: "read", Name: "write" }],
    ["tools/call", { NAME: "write", name: "read" }],
    ["resources/read", { uri: "file:///a.txt", URI: "file:///b.txt" }],
    ["completion/complete", { ref, Ref: { ...ref, name: "other" } }],
    ["completion/complete", { ref: { ...ref, Name: "other" } }],
    ["subscriptions/listen", { notifications: { re\u017fourceSubscriptions: ["file:///b.txt"] } }],
  ];
  for (const [method, params] of cases) {
    expectRefused(await post(gateway, PATH, secret, rpc(method, params)), "invalid_value", 400);
  }
  const own = rpc("tools/call", { name: "read", arguments: { Name: "x", name: "y" } });
  expect((await post(gateway, PATH, secret, own)).status).toBe(200);
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
    "tasks/list",
    "",
  ]) {
    expectRefused(await post(gateway, PATH, secret, rpc(method)), "unknown_mcp_method", 404);
  }
  const notification = { jsonrpc: "2.0", method: "tools/call", params: { name: "read" } };
  expectRefused(await post(gateway, PATH, secret, notification), "unknown_mcp_method", 404);
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

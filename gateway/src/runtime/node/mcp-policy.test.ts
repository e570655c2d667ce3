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

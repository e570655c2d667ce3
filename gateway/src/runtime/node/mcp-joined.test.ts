/** The address of all servers: one list of names that lead back, and the same rights as at each server's own. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { addMcpKey, post, rpc, setServer, startMcpGateway, startRecorder } from "./testing/mcp-rig.ts";
import { type FakeServer, startFakeServer, tool } from "./testing/mcp-server.ts";
import type { TestGateway } from "./testing/rig.ts";

let one: FakeServer;
let two: FakeServer;
let gateway: TestGateway;

beforeAll(async () => {
  const same = {
    tools: [tool("read"), tool("_read")],
    prompts: [{ name: "greet", description: "" }],
    resources: [{ uri: "file:///a.txt", name: "a" }],
    resourceTemplates: [{ uriTemplate: "file:///{name}", name: "t" }],
  };
  one = await startFakeServer(structuredClone(same));
  two = await startFakeServer(structuredClone(same));
  gateway = await startMcpGateway({ one: one.url, two: two.url });
});

afterAll(async () => {
  await gateway.stop();
  await one.stop();
  await two.stop();
});

const send = (secret: string, message: object, headers: Record<string, string> = {}) =>
  post(gateway, "/mcp", secret, message, headers);

async function begin(secret: string) {
  const answer = await send(secret, rpc("initialize", { protocolVersion: "2025-06-18", capabilities: {} }));
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body).result).toMatchObject({
    protocolVersion: "2025-06-18",
    capabilities: { tools: {}, prompts: {}, resources: {} },
  });
  return { "mcp-session-id": String(answer.headers["mcp-session-id"]) };
}

const LISTS = [
  ["tools/list", "tools", "name"],
  ["prompts/list", "prompts", "name"],
  ["resources/list", "resources", "uri"],
  ["resources/templates/list", "resourceTemplates", "uriTemplate"],
] as const;

async function namesOf(secret: string, list: (typeof LISTS)[number], headers = {}): Promise<string[]> {
  const [method, member, name] = list;
  const { body } = await send(secret, rpc(method), headers);
  return JSON.parse(body).result[member].map((entry: Record<string, string>) => entry[name]);
}

test("all servers are one: each name is there once, and what is asked by it reaches its server and no other", async () => {
  const { secret } = addMcpKey(gateway);
  const session = await begin(secret);
  const lists = await Promise.all(LISTS.map((list) => namesOf(secret, list, session)));
  expect(lists).toEqual([
    ["one__read", "one___read", "two__read", "two___read"],
    ["one__greet", "two__greet"],
    ["one+file:///a.txt", "two+file:///a.txt"],
    ["one+file:///{name}", "two+file:///{name}"],
  ]);
  one.seen.length = 0;
  two.seen.length = 0;
  const called = await send(secret, rpc("tools/call", { name: "two___read" }), session);
  expect(JSON.parse(called.body).result.content[0].text).toBe("called _read");
  const read = await send(secret, rpc("resources/read", { uri: "two+file:///a.txt" }), session);
  expect(JSON.parse(read.body).result.contents[0].uri).toBe("two+file:///a.txt");
  await send(secret, rpc("prompts/get", { name: "two__greet" }), session);
  const ref = { type: "ref/prompt", name: "two__greet" };
  await send(secret, rpc("completion/complete", { ref, argument: { name: "a", value: "" } }), session);
  expect(two.methods()).toEqual(["tools/call", "resources/read", "prompts/get", "completion/complete"]);
  expect(two.seen.map(({ headers }) => headers["mcp-session-id"])).toEqual(Array(4).fill("upstream-1"));
  expect(one.seen).toEqual([]);
});

test("rights are those of each server, in lists and at calls; a server that is not allowed hears nothing", async () => {
  const { secret } = addMcpKey(gateway, {
    mcp: { enabled: true, mode: "allow-list", servers: ["one"], tools: { one: ["read"] } },
  });
  two.seen.length = 0;
  const session = await begin(secret);
  const lists = await Promise.all(LISTS.map((list) => namesOf(secret, list, session)));
  expect(lists).toEqual([["one__read"], [], [], []]);
  one.seen.length = 0;
  for (const [name, code] of [
    ["one___read", "mcp_tool_not_allowed"],
    ["two__read", "mcp_server_not_allowed"],
    ["three__read", "mcp_server_not_allowed"],
    ["read", "mcp_tool_not_allowed"],
    ["One__read", "mcp_tool_not_allowed"],
  ]) {
    const answer = await send(secret, rpc("tools/call", { name }), session);
    expect([answer.status, JSON.parse(answer.body).error.data.code]).toEqual([403, code]);
  }
  const read = await send(secret, rpc("resources/read", { uri: "one+file:///a.txt" }), session);
  expect(JSON.parse(read.body).error.data.code).toBe("mcp_resource_not_allowed");
  for (const method of ["tasks/list", "server/discover", "subscriptions/listen"]) {
    expect((await send(secret, rpc(method), session)).status).toBe(404);
  }
  expect([one.seen, two.seen]).toEqual([[], []]);
  const denied = addMcpKey(gateway, { mcp: { enabled: true, mode: "deny-all" } });
  expect((await send(denied.secret, rpc("tools/list"))).status).toBe(403);
  const other = addMcpKey(gateway);
  expect((await send(other.secret, rpc("tools/list"), session)).status).toBe(404);
});

test("a server that came later or was not reached is asked in a session of its own, which ends", async () => {
  const { secret } = addMcpKey(gateway);
  setServer(gateway, {
    id: "mcp_000000000002",
    name: "two",
    url: "http://127.0.0.1:1/mcp",
    newOffers: "accept",
  });
  const session = await begin(secret);
  expect(await namesOf(secret, LISTS[0], session)).toEqual(["one__read", "one___read"]);
  setServer(gateway, { id: "mcp_000000000002", name: "two", url: two.url, newOffers: "accept" });
  two.seen.length = 0;
  const called = await send(secret, rpc("tools/call", { name: "two__read" }), session);
  expect(JSON.parse(called.body).result.content[0].text).toBe("called read");
  await expect
    .poll(() => two.seen.map(({ method, body }) => (body === "" ? method : JSON.parse(body).method)), {
      timeout: 60_000,
    })
    .toEqual(["initialize", "notifications/initialized", "tools/call", "DELETE"]);
});

test("one stream has what all servers say, and what a client answers goes to whoever asked", async () => {
  const { secret, record } = addMcpKey(gateway);
  const session = await begin(secret);
  const answer = await fetch(`${gateway.url}/mcp`, {
    headers: { authorization: `Bearer ${secret}`, ...session },
  });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  await expect.poll(() => [one.streams.size, two.streams.size], { timeout: 60_000 }).toEqual([1, 1]);
  const say = (server: FakeServer, message: object) => {
    for (const stream of server.streams) stream.write(`id: 1\ndata: ${JSON.stringify(message)}\n\n`);
  };
  let text = "";
  const hear = async (what: string) => {
    while (!text.includes(what)) text += (await reader?.read())?.value ?? "";
  };
  say(one, { jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri: "file:///a.txt" } });
  await hear("one+file:///a.txt");
  say(two, { jsonrpc: "2.0", id: 7, method: "roots/list" });
  await hear('"id":"clv:two:7"');
  expect(text).not.toContain("id: 1\n");
  one.seen.length = 0;
  two.seen.length = 0;
  const told = await send(secret, { jsonrpc: "2.0", id: "clv:two:7", result: { roots: [] } }, session);
  expect(told.status).toBe(202);
  expect(two.seen.map(({ body }) => JSON.parse(body))).toEqual([
    { jsonrpc: "2.0", id: 7, result: { roots: [] } },
  ]);
  expect(one.seen).toEqual([]);
  gateway.table.edit(record.id, { status: "revoked" });
  gateway.follower.abort({ keyIds: new Set([record.id]) });
  while (!(await reader?.read())?.done);
  await expect.poll(() => [one.streams.size, two.streams.size], { timeout: 60_000 }).toEqual([0, 0]);
});

test("what the gateway asks in a client's session has an id that nothing else there has", async () => {
  const { secret } = addMcpKey(gateway);
  const session = await begin(secret);
  one.seen.length = 0;
  await Promise.all([
    ...LISTS.map((list) => namesOf(secret, list, session)),
    send(secret, rpc("tools/call", { name: "one__read" }), session),
  ]);
  const ids = one.seen.map(({ body }) => JSON.parse(body).id);
  expect(ids).toHaveLength(LISTS.length + 1);
  expect(new Set(ids).size).toBe(ids.length);
});

test("a key that has asked too often begins no session with a server either", async () => {
  const { secret } = addMcpKey(gateway, { requestsPerMinute: 1 });
  const ask = () => send(secret, rpc("tools/call", { name: "one__read" }));
  expect((await ask()).status).toBe(200);
  one.seen.length = 0;
  expect((await ask()).status).toBe(429);
  expect(one.methods()).not.toContain("initialize");
});

test("a list without an end is given up when it is longer than an answer may be", async () => {
  const endless = await startRecorder((request, outgoing) => {
    const { id, method } = JSON.parse(request.body || "{}");
    if (id === undefined) return void outgoing.writeHead(202).end();
    const result =
      method === "initialize"
        ? {
            protocolVersion: "2025-11-25",
            capabilities: { tools: {} },
            serverInfo: { name: "x", version: "1" },
          }
        : { tools: [tool("read", "x".repeat(4_000))], nextCursor: "more" };
    const body = JSON.stringify({ jsonrpc: "2.0", id, result });
    outgoing.writeHead(200, { "content-type": "application/json" }).end(body);
  });
  const small = await startMcpGateway({ endless: endless.url }, {}, { answerBytesMax: 20_000 });
  const { secret } = addMcpKey(small);
  const { body } = await post(small, "/mcp", secret, rpc("tools/list"));
  expect(JSON.parse(body).error.data.code).toBe("provider_response_too_large");
  await small.stop();
  await endless.stop();
});

test("a session that no client can name is ended: of more servers than the sealed text holds, and of one that speaks no version", async () => {
  let begun = 0;
  let version = "2025-11-25";
  const long = await startRecorder((request, outgoing) => {
    const { id, method } = JSON.parse(request.body || "{}");
    if (id === undefined) return void outgoing.writeHead(request.method === "DELETE" ? 200 : 202).end();
    const head: Record<string, string> = { "content-type": "application/json" };
    if (method === "initialize") head["mcp-session-id"] = `${++begun}-${"x".repeat(1_000)}`;
    const serverInfo = { name: "x", version: "1" };
    const result = { protocolVersion: version, capabilities: { tools: {} }, serverInfo, tools: [] };
    outgoing.writeHead(200, head).end(JSON.stringify({ jsonrpc: "2.0", id, result }));
  });
  const ended = () =>
    long.seen
      .filter(({ method }) => method === "DELETE")
      .map(({ headers }) => parseInt(String(headers["mcp-session-id"]), 10))
      .sort((a, b) => a - b);
  const names = Array.from({ length: 9 }, (_, i) => `long${i}`);
  const other = await startMcpGateway(Object.fromEntries(names.map((name) => [name, long.url])));
  const { secret } = addMcpKey(other);
  const initialize = rpc("initialize", { protocolVersion: "2025-11-25" });
  const answer = await post(other, "/mcp", secret, initialize);
  expect(answer.status).toBe(200);
  expect(String(answer.headers["mcp-session-id"]).length).toBeLessThan(2_000);
  await expect.poll(ended, { timeout: 60_000 }).toEqual(names.map((_, i) => i + 1));
  version = "2099-01-01";
  expect((await post(other, "/mcp", secret, initialize)).status).toBe(502);
  await expect.poll(() => ended().length, { timeout: 60_000 }).toBe(2 * names.length);
  await other.stop();
  await long.stop();
});

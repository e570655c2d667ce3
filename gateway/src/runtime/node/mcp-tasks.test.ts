/** A task is its key's: all keys reach a server with one credential, so the server itself cannot tell them apart. */
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  addMcpKey,
  listenAt,
  makeSharedKeys,
  post,
  type Recorder,
  rpc,
  setServer,
  startMcpGateway,
  startRecorder,
} from "./testing/mcp-rig.ts";
import type { TestGateway } from "./testing/rig.ts";

const PATH = "/mcp/files";
const RELATED = "io.modelcontextprotocol/related-task";
const WAIT = { timeout: 60_000, interval: 20 };
const TASK = { taskId: "task-1", status: "working", ttl: null };
const related = (taskId: unknown) => ({ _meta: { [RELATED]: { taskId } } });

let server: Recorder;
let gateway: TestGateway;
let replica: TestGateway;
let stream: ServerResponse | undefined;

beforeAll(async () => {
  server = await startRecorder(({ method, body }, outgoing) => {
    const message = body === "" ? {} : JSON.parse(body);
    const isStream = method === "GET" || message.method === "tasks/result";
    if (isStream) {
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      const status = { method: "notifications/tasks/status", params: { ...TASK, ...related("task-1") } };
      const others = { method: "notifications/tasks/status", params: { taskId: "task-2" } };
      const asks = {
        id: 9,
        method: "elicitation/create",
        params: { message: "sure?", ...related("task-1") },
      };
      const says = { method: "notifications/message", params: { data: "said", ...related("task-2") } };
      const created = { id: 99, result: { task: { ...TASK, taskId: "task-3" } } };
      for (const each of [status, others, asks, says, ...(method === "GET" ? [created] : [])]) {
        outgoing.write(`id: e\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...each })}\n\n`);
      }
      outgoing.write('data: {"jsonrpc":"2.0","id":"last","method":"ping"}\n\n');
      stream = outgoing;
      if (method === "GET") return;
      const result = { content: [], ...related("task-1") };
      return void outgoing.end(`data: ${JSON.stringify({ jsonrpc: "2.0", id: message.id, result })}\n\n`);
    }
    if (message.id === undefined || message.method === undefined) return void outgoing.writeHead(202).end();
    const answer = JSON.stringify({ jsonrpc: "2.0", id: message.id, result: resultOf(message.method) });
    outgoing.writeHead(200, { "content-type": "application/json" }).end(answer);
  });
  const shared = await makeSharedKeys();
  const servers = { files: server.url, twin: server.url };
  gateway = await startMcpGateway(servers, { shared });
  replica = await startMcpGateway(servers, { shared });
});

function resultOf(method: string): object {
  switch (method) {
    case "initialize": {
      const capabilities = { tools: {}, tasks: { list: {}, cancel: {} } };
      return { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "x", version: "1" } };
    }
    case "tools/call":
      return { task: TASK };
    case "ping":
      return { tasks: [TASK] };
    default:
      return TASK;
  }
}

beforeEach(() => {
  server.seen.length = 0;
});

afterAll(async () => {
  await gateway.stop();
  await replica.stop();
  await server.stop();
});

const send = (secret: string, message: object, path = PATH, at = gateway) => post(at, path, secret, message);
const sent = () => server.seen.map(({ body }) => JSON.parse(body));

async function begin(secret: string, path = PATH, name = "read"): Promise<string> {
  const { body } = await send(secret, rpc("tools/call", { name, task: { ttl: 60_000 } }), path);
  expect(body).not.toContain("task-1");
  return JSON.parse(body).result.task.taskId;
}

test("a key reaches its task through every replica, by the name that it was given and that no answer changes", async () => {
  const { secret, record } = addMcpKey(gateway);
  const there = addMcpKey(replica, { id: record.id });
  replica.table.keys.set(record.id, there.record);
  const taskId = await begin(secret);
  for (const [at, key] of [
    [gateway, secret],
    [replica, there.secret],
  ] as const) {
    for (const method of ["tasks/get", "tasks/cancel"]) {
      server.seen.length = 0;
      const answer = await send(key, rpc(method, { taskId }), PATH, at);
      expect(JSON.parse(answer.body).result).toEqual({ ...TASK, taskId });
      expect(sent()).toEqual([rpc(method, { taskId: "task-1" })]);
    }
  }
  await send(secret, rpc("tools/call", { name: "read", ...related(taskId) }));
  await send(secret, { jsonrpc: "2.0", id: 9, result: { action: "accept", ...related(taskId) } });
  await send(secret, { jsonrpc: "2.0", id: 10, result: { action: "accept", ...related("of-the-client") } });
  expect(sent().slice(-3)).toEqual([
    rpc("tools/call", { name: "read", ...related("task-1") }),
    { jsonrpc: "2.0", id: 9, result: { action: "accept", ...related("task-1") } },
    { jsonrpc: "2.0", id: 10, result: { action: "accept", ...related("of-the-client") } },
  ]);
});

test("a task of another key, of another server or address, or by the server's own name reaches nothing", async () => {
  const [own, other] = [addMcpKey(gateway), addMcpKey(gateway)];
  const taskId = await begin(own.secret);
  const foreign = await begin(other.secret);
  const elsewhere = await begin(own.secret, "/mcp/twin");
  setServer(gateway, { id: "mcp_000000000007", name: "moves", url: server.url, newOffers: "accept" });
  const moved = await begin(own.secret, "/mcp/moves");
  setServer(gateway, { id: "mcp_000000000007", name: "moves", url: `${server.url}2`, newOffers: "accept" });
  server.seen.length = 0;
  const refused = async (message: object, path = PATH) => {
    const answer = await send(own.secret, message, path);
    const { error } = JSON.parse(answer.body);
    expect([answer.status, error.code, error.data.code]).toEqual([400, -32602, "invalid_value"]);
  };
  for (const each of [
    foreign,
    elsewhere,
    "task-1",
    `${taskId.slice(0, -3)}AAA`,
    "",
    1,
    { a: 1 },
    undefined,
  ]) {
    for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
      await refused(rpc(method, { taskId: each }));
    }
    if (each === undefined) continue;
    for (const path of [PATH, "/mcp"]) {
      const name = path === PATH ? "read" : "files__read";
      await refused(rpc("tools/call", { name, ...related(each) }), path);
      await refused(rpc("ping", related(each)), path);
      await refused(rpc("initialize", related(each)), path);
    }
  }
  await refused(rpc("tasks/get", { taskId: moved }), "/mcp/moves");
  await refused(rpc("tasks/get", { taskId, taskID: "task-1" }));
  await refused(rpc("tasks/get", { taskId, _META: {} }));
  await refused(rpc("ping", { _meta: { [RELATED]: { taskId, TaskId: "task-1" } } }));
  await refused(rpc("ping", { _meta: { [RELATED.toUpperCase()]: { taskId: "task-1" } } }));
  await refused(rpc("ping", { _meta: { [RELATED]: "task-1" } }));
  for (const path of [PATH, "/mcp"]) {
    const told = { jsonrpc: "2.0", method: "notifications/progress", params: related(foreign) };
    expect((await send(own.secret, told, path)).status).toBe(400);
  }
  // At the address of all a session is begun before anything is asked in it.
  const methods = new Set(sent().map(({ method }) => method));
  expect([...methods].sort()).toEqual(["initialize", "notifications/initialized"]);
  expect(JSON.stringify(server.seen)).not.toMatch(/related-task|task-1/);
});

test("nobody gets a list of tasks, and no server says that it has one", async () => {
  const { secret } = addMcpKey(gateway);
  const listed = await send(secret, rpc("tasks/list"));
  expect([listed.status, JSON.parse(listed.body).error.code]).toEqual([404, -32601]);
  expect(server.seen).toEqual([]);
  const { body } = await send(secret, rpc("initialize", { protocolVersion: "2025-11-25" }));
  expect(JSON.parse(body).result.capabilities).toEqual({ tools: {}, tasks: { cancel: {} } });
  expect(JSON.parse((await send(secret, rpc("ping"))).body).result).toEqual({ tasks: [] });
});

test("what is said of a task in an answer is named as the client named it, and others are not mentioned", async () => {
  const { secret } = addMcpKey(gateway);
  const taskId = await begin(secret);
  const { body } = await send(secret, rpc("tasks/result", { taskId }, "mine"));
  const messages = [...body.matchAll(/^data: (.+)$/gm)].map(([, text = ""]) => JSON.parse(text));
  expect(messages).toEqual([
    { jsonrpc: "2.0", method: "notifications/tasks/status", params: { ...TASK, taskId, ...related(taskId) } },
    { jsonrpc: "2.0", id: 9, method: "elicitation/create", params: { message: "sure?", ...related(taskId) } },
    { jsonrpc: "2.0", method: "notifications/message", params: { data: "said", _meta: {} } },
    { jsonrpc: "2.0", id: "last", method: "ping" },
    { jsonrpc: "2.0", id: "mine", result: { content: [], ...related(taskId) } },
  ]);
});

test("whoever only listens is given no task, and in a resumed stream only what answers", async () => {
  const { secret } = addMcpKey(gateway);
  const first = await listenAt(gateway.url + PATH, secret);
  await expect.poll(() => first.text(), WAIT).toContain('"last"');
  expect(first.text()).toContain("sure?");
  expect(first.text()).not.toMatch(/task-\d|tasks\/status|taskId/);
  const event = /^id: (\S+)$/m.exec(first.text())?.[1] ?? "";
  first.leave();
  const resumed = await listenAt(gateway.url + PATH, secret, { "last-event-id": event });
  await expect.poll(() => resumed.text(), WAIT).toContain('"last"');
  expect(resumed.text()).not.toMatch(/task-\d|tasks\/status/);
  const given = /"taskId":"([^"]+)"/.exec(resumed.text())?.[1];
  server.seen.length = 0;
  await send(secret, rpc("tasks/get", { taskId: given }));
  expect(sent()).toEqual([rpc("tasks/get", { taskId: "task-3" })]);
  resumed.leave();
  stream?.end();
});

test("a task that was begun at the address of all servers is its server's", async () => {
  const { secret } = addMcpKey(gateway);
  const taskId = await begin(secret, "/mcp", "files__read");
  expect((await send(secret, rpc("tasks/get", { taskId }))).status).toBe(200);
  expect((await send(secret, rpc("tasks/get", { taskId }), "/mcp/twin")).status).toBe(400);
});

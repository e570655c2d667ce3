/**
 * MCP over a whole stack with a gateway on each runtime: real servers, registered, looked at and accepted; official clients at
 * both gateways in turn, and at each of them as directly.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OF_EVERYTHING, ofFilesystem, writeMemory } from "../conformance/mcp/cases.ts";
import { CLIENTS, connectClient } from "../conformance/mcp/clients.ts";
import {
  type RunningServer,
  startEverything,
  startFilesystem,
  startMemory,
} from "../conformance/mcp/servers.ts";
import type { MadeKey } from "./support/admin.ts";
import { startWorld, type World } from "./support/world.ts";

const WAIT = { timeout: 60_000, interval: 200 };
let folder: string;
let everything: RunningServer;
let filesystem: RunningServer;
let memory: RunningServer;
let world: World;
let serverId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "claviger-mcp-"));
  await mkdir(join(folder, "files"));
  await writeFile(join(folder, "files", "a.txt"), "first\nsecond\n");
  await writeFile(join(folder, "memory.jsonl"), "");
  everything = await startEverything();
  filesystem = await startFilesystem(join(folder, "files"));
  memory = await startMemory(join(folder, "memory.jsonl"));
  const allow = { CLAVIGER_EGRESS_ALLOW: "127.0.0.0/8" };
  const env = { "control-plane": allow, "gateway-eu-1": allow, "gateway-edge-1": allow };
  world = await startWorld({ gateways: { "eu-1": 1 }, workers: { "edge-1": 2 }, env });
  serverId = await register({ name: "everything", url: everything.url });
  await register({ name: "everything-as-it-comes", url: everything.url, newTools: "accept" });
  await register({ name: "filesystem", url: filesystem.url, newTools: "accept" });
  await register({ name: "memory", url: memory.url, newTools: "accept" });
});

afterAll(async () => {
  await world?.stack.stop();
  await Promise.all([everything?.stop(), filesystem?.stop(), memory?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function register(attributes: object): Promise<string> {
  const body = { data: { type: "mcp-server", attributes } };
  const made = await world.admin.call("POST", "/mcp-servers", body, { prefer: "wait=20" });
  expect(`${made.status} ${made.text}`).toMatch(/^201 /);
  return (made.json as { data: { id: string } }).data.id;
}

const mcpOf = (mcp: object) => ({ mcp: { enabled: true, mode: "allow-all", ...mcp } });

/** A client whose requests go to the gateways in turn. */
async function connect(key: MadeKey): Promise<Client> {
  let n = 0;
  const [first] = world.gateways;
  const client = new Client({ name: "e2e", version: "1.0.0" }, { capabilities: {} });
  const transport = new StreamableHTTPClientTransport(new URL(`${first?.url}/mcp/everything`), {
    requestInit: { headers: { authorization: `Bearer ${key.secret}` } },
    fetch: (url, init) => {
      const gateway = world.gateways[n++ % world.gateways.length];
      return fetch(new URL(new URL(url).pathname, gateway?.url), init);
    },
  });
  await client.connect(transport);
  return client;
}

test("nothing of a new server is given until it is accepted; then every gateway gives it, in one session", async () => {
  const key = await world.admin.createKey(world.projectId, mcpOf({}));
  const client = await connect(key);
  expect((await client.listTools()).tools).toEqual([]);
  await expect(client.callTool({ name: "echo", arguments: { message: "x" } })).rejects.toThrow();
  const found = await world.admin.call("POST", `/mcp-servers/${serverId}/discover`, {});
  expect(`${found.status} ${found.text}`).toMatch(/^20\d /);
  const accepted = await world.admin.call(
    "POST",
    `/mcp-servers/${serverId}/tools/accept`,
    { all: true },
    { prefer: "wait=20" },
  );
  expect(`${accepted.status} ${accepted.text}`).toMatch(/^20\d /);
  const names = async () => (await client.listTools()).tools.map(({ name }) => name);
  await expect.poll(names, WAIT).toContain("echo");
  for (let i = 0; i < 6; i++) {
    const said = await client.callTool({ name: "echo", arguments: { message: `m${i}` } });
    expect(JSON.stringify(said)).toContain(`Echo: m${i}`);
  }
  await client.close();
});

test("a key's tools are those that it has now; each call is in log, audit and usage, with the revision that decided", async () => {
  const key = await world.admin.createKey(world.projectId, mcpOf({}));
  const client = await connect(key);
  await client.callTool({ name: "echo", arguments: { message: "x" } });
  const mcp = {
    enabled: true,
    mode: "allow-list",
    servers: ["everything"],
    tools: { everything: ["get-sum"] },
  };
  await world.admin.change(
    "PATCH",
    `/api-keys/${key.id}`,
    { data: { type: "api-key", id: key.id, attributes: { mcp } } },
    { prefer: "wait=20" },
  );
  for (let i = 0; i < 2; i++) {
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["get-sum"]);
    await expect(client.callTool({ name: "echo", arguments: { message: "y" } })).rejects.toThrow(
      /mcp_tool_not_allowed/,
    );
    expect(JSON.stringify(await client.callTool({ name: "get-sum", arguments: { a: 2, b: 3 } }))).toContain(
      "5",
    );
  }
  await client.close();
  const rows = async () => {
    const { json } = await world.admin.call("GET", `/logs?filter[key]=${key.id}&page[size]=100`);
    const { data } = json as { data: { attributes: { mcp?: Record<string, unknown> } }[] };
    return data.flatMap(({ attributes }) => (attributes.mcp === undefined ? [] : [attributes.mcp]));
  };
  const call = { server: "everything", method: "tools/call" };
  await expect
    .poll(rows, WAIT)
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...call, name: "echo", outcome: "ok", rev: expect.any(Number) }),
        expect.objectContaining({ ...call, name: "echo", outcome: "refused" }),
        expect.objectContaining({ ...call, name: "get-sum", outcome: "ok" }),
      ]),
    );
});

// Three servers and two gateways, on a machine that does other things as well.
const CONFORMANCE_MS = 600_000;

test.each(CLIENTS)(
  "%s gets at every gateway what it gets directly",
  { timeout: CONFORMANCE_MS },
  async (name) => {
    const key = await world.admin.createKey(world.projectId, mcpOf({}));
    for (const gateway of world.gateways) {
      const at = async (server: string, url: string) =>
        [
          await connectClient(name, `${gateway.url}/mcp/${server}`, key.secret),
          await connectClient(name, url),
        ] as const;
      const [through, direct] = await at("everything-as-it-comes", everything.url);
      for (const [what, ask] of Object.entries(OF_EVERYTHING)) {
        expect(await ask(through), what).toEqual(await ask(direct));
      }
      const files = await at("filesystem", filesystem.url);
      const asks = ofFilesystem(join(folder, "files"), `${gateway.name}-${name.length}.txt`);
      for (const [what, ask] of Object.entries(asks)) {
        expect(await ask(files[0]), what).toEqual(await ask(files[1]));
      }
      const memories = await at("memory", memory.url);
      const [graph, same] = await writeMemory(memories[0], memories[1], `${gateway.name} ${name}`);
      expect(JSON.stringify(graph)).toContain(`${gateway.name} ${name}`);
      expect(same).toEqual(graph);
      await Promise.all([through, direct, ...files, ...memories].map((client) => client.close()));
    }
  },
);

test("a stream that listens ends when its key is revoked", async () => {
  const key = await world.admin.createKey(world.projectId, mcpOf({}));
  for (const { url } of world.gateways) {
    const begun = await fetch(`${url}/mcp/everything`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${key.secret}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({
        ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
        params: {
          ...{ protocolVersion: "2025-11-25", capabilities: {} },
          clientInfo: { name: "e2e", version: "1.0.0" },
        },
      }),
    });
    await begun.text();
    ended.push(listen(url, key.secret, begun.headers.get("mcp-session-id") ?? ""));
  }
  const streams = await Promise.all(ended);
  const revokedAtMs = Date.now();
  await world.admin.change("POST", `/api-keys/${key.id}/revoke`, {}, { prefer: "wait=20" });
  const endedAtMs = await Promise.all(streams.map(({ endedAtMs }) => endedAtMs));
  // A second is promised; a machine that runs other things as well may be late.
  for (const atMs of endedAtMs) expect(atMs - revokedAtMs).toBeLessThan(30_000);
});

const ended: Promise<{ endedAtMs: Promise<number> }>[] = [];

function listen(url: string, secret: string, session: string): Promise<{ endedAtMs: Promise<number> }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${secret}`,
      accept: "text/event-stream",
      "mcp-session-id": session,
    };
    const outgoing = request(`${url}/mcp/everything`, { headers, agent: false });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      if (incoming.statusCode !== 200) return reject(new Error(`the stream answered ${incoming.statusCode}`));
      incoming.resume();
      incoming.on("error", () => undefined);
      resolve({ endedAtMs: new Promise((done) => incoming.on("close", () => done(Date.now()))) });
    });
    outgoing.end();
  });
}

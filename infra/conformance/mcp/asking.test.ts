/**
 * What needs both directions or another version, through a gateway: servers that ask their client, the address of all servers,
 * and the version of 2026-07-28, which has no sessions.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addMcpKey, setServer, startMcpGateway } from "@claviger/gateway/runtime/node/testing/mcp-rig";
import type { TestGateway } from "@claviger/gateway/runtime/node/testing/rig";
import { getRequestListener } from "@hono/node-server";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { type RunningServer, startEverything, startFilesystem } from "./servers.ts";

const WAIT_MS = 120_000;
let folder: string;
let everything: RunningServer;
let filesystem: RunningServer;
let modern: RunningServer;
let gateway: TestGateway;
let secret: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "claviger-mcp-"));
  await writeFile(join(folder, "a.txt"), "first");
  everything = await startEverything();
  filesystem = await startFilesystem(folder);
  modern = await startModern();
  gateway = await startMcpGateway({
    everything: everything.url,
    filesystem: filesystem.url,
    modern: modern.url,
  });
  secret = addMcpKey(gateway).secret;
}, WAIT_MS);

afterAll(async () => {
  await gateway?.stop();
  await Promise.all([everything?.stop(), filesystem?.stop(), modern?.stop()]);
  await rm(folder, { recursive: true, force: true });
}, WAIT_MS);

/** A server of the current official SDK, which speaks the stateless version and, by itself, the ones before. */
async function startModern(): Promise<RunningServer> {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "modern", version: "1.0.0" });
    const numbers = z.object({ a: z.number(), b: z.number() });
    for (const name of ["add", "forbidden"]) {
      server.registerTool(name, { description: name, inputSchema: numbers }, async ({ a, b }) => ({
        content: [{ type: "text", text: String(a + b) }],
      }));
    }
    return server;
  });
  const server = createServer(getRequestListener((request) => handler.fetch(request)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Mode = "legacy" | "auto" | { pin: string };

async function connect(path: string, mode: Mode = "legacy", key = secret): Promise<Client> {
  const client = new Client(
    { name: "conformance", version: "1.0.0" },
    { capabilities: { sampling: {}, elicitation: {}, roots: {} }, versionNegotiation: { mode } },
  );
  client.setRequestHandler("sampling/createMessage", async () => ({
    role: "assistant",
    model: "of-the-test",
    content: { type: "text", text: "sampled by the client" },
  }));
  client.setRequestHandler("elicitation/create", async () => ({ action: "decline" }));
  client.setRequestHandler("roots/list", async () => ({
    roots: [{ uri: `file://${folder}`, name: "root" }],
  }));
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url + path), { requestInit }));
  return client;
}

test.each([
  ["/mcp/everything", ""],
  ["/mcp", "everything__"],
])(
  "%s: a server asks its client through the gateway, and hears the answer",
  async (path, prefix) => {
    const client = await connect(path);
    const names = async () => (await client.listTools()).tools.map(({ name }) => name);
    // The server offers it once it has heard what the client can.
    await expect.poll(names, { timeout: WAIT_MS }).toContain(`${prefix}trigger-sampling-request`);
    const sampled = await client.callTool({
      name: `${prefix}trigger-sampling-request`,
      arguments: { prompt: "x", maxTokens: 10 },
    });
    expect(JSON.stringify(sampled)).toContain("sampled by the client");
    const elicited = await client.callTool({ name: `${prefix}trigger-elicitation-request`, arguments: {} });
    expect(JSON.stringify(elicited)).toContain("declined");
    await client.close();
  },
  WAIT_MS,
);

test(
  "all servers as one: the lists of all, and each call reaches its own",
  async () => {
    const client = await connect("/mcp");
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining(["everything__echo", "filesystem__read_text_file", "modern__add"]),
    );
    const texts = await Promise.all([
      client.callTool({ name: "everything__echo", arguments: { message: "x" } }),
      client.callTool({ name: "filesystem__read_text_file", arguments: { path: join(folder, "a.txt") } }),
      client.callTool({ name: "modern__add", arguments: { a: 2, b: 3 } }),
    ]);
    expect(texts.map(({ content }) => (content[0] as { text: string }).text)).toEqual([
      "Echo: x",
      "first",
      "5",
    ]);
    const { resources } = await client.listResources();
    const [resource] = resources;
    expect(resource?.uri).toMatch(/^everything\+/);
    const read = await client.readResource({ uri: resource?.uri ?? "" });
    expect(read.contents[0]?.uri).toBe(resource?.uri);
    const links = await client.callTool({ name: "everything__get-resource-links", arguments: { count: 2 } });
    for (const block of links.content) {
      if (block.type !== "resource_link") continue;
      expect((await client.readResource({ uri: block.uri })).contents[0]?.uri).toBe(block.uri);
    }
    await client.close();
  },
  WAIT_MS,
);

test.each([
  ["/mcp/modern", "auto", "2026-07-28", "add"],
  ["/mcp/modern", { pin: "2026-07-28" }, "2026-07-28", "add"],
  ["/mcp/modern", "legacy", "2025-11-25", "add"],
  ["/mcp/everything", "auto", "2025-11-25", "get-sum"],
  ["/mcp", "auto", "2025-11-25", "modern__add"],
] as const)(
  "%s, a client that negotiates %j: version %s",
  async (path, mode, version, name) => {
    const client = await connect(path, mode);
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    const answer = await client.callTool({ name, arguments: { a: 2, b: 3 } });
    expect(JSON.stringify(answer.content)).toContain("5");
    await client.close();
  },
  WAIT_MS,
);

test(
  "rights hold in the stateless version as in all others",
  async () => {
    const key = addMcpKey(gateway, {
      mcp: { enabled: true, mode: "allow-all", tools: { modern: ["add"] } },
    });
    const client = await connect("/mcp/modern", { pin: "2026-07-28" }, key.secret);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["add"]);
    await expect(client.callTool({ name: "forbidden", arguments: { a: 2, b: 3 } })).rejects.toThrow();
    const before = gateway.ledger.refusals.at(-1);
    expect(before).toBe("mcp_tool_not_allowed");
    setServer(gateway, { id: "mcp_000000000003", name: "modern", url: modern.url, enabled: false });
    await expect(client.callTool({ name: "add", arguments: { a: 2, b: 3 } })).rejects.toThrow();
    setServer(gateway, { id: "mcp_000000000003", name: "modern", url: modern.url, newOffers: "accept" });
    await client.close();
  },
  WAIT_MS,
);

/** Both official clients against the reference servers through a gateway: what they get is what they get directly. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addMcpKey, startMcpGateway } from "@claviger/gateway/runtime/node/testing/mcp-rig";
import type { TestGateway } from "@claviger/gateway/runtime/node/testing/rig";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENTS, connectClient, type Face } from "./clients.ts";
import { type RunningServer, startEverything, startFilesystem, startMemory } from "./servers.ts";

const WAIT_MS = 120_000;
let folder: string;
let everything: RunningServer;
let filesystem: RunningServer;
let memory: RunningServer;
let gateway: TestGateway;
let secret: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "claviger-mcp-"));
  await mkdir(join(folder, "files"));
  await writeFile(join(folder, "files", "a.txt"), "first\nsecond\n");
  await writeFile(join(folder, "memory.jsonl"), "");
  everything = await startEverything();
  filesystem = await startFilesystem(join(folder, "files"));
  memory = await startMemory(join(folder, "memory.jsonl"));
  gateway = await startMcpGateway({
    everything: everything.url,
    filesystem: filesystem.url,
    memory: memory.url,
  });
  secret = addMcpKey(gateway).secret;
}, WAIT_MS);

afterAll(async () => {
  await gateway?.stop();
  await Promise.all([everything?.stop(), filesystem?.stop(), memory?.stop()]);
  await rm(folder, { recursive: true, force: true });
}, WAIT_MS);

type Ask = (client: Face) => Promise<unknown>;

/** Everything that the reference server does and that says the same twice. */
const OF_EVERYTHING: Readonly<Record<string, Ask>> = {
  capabilities: async (client) => client.getServerCapabilities(),
  version: async (client) => client.getServerVersion(),
  instructions: async (client) => client.getInstructions(),
  ping: (client) => client.ping(),
  tools: (client) => client.listTools(),
  prompts: (client) => client.listPrompts(),
  resources: (client) => client.listResources(),
  templates: (client) => client.listResourceTemplates(),
  echo: (client) => client.callTool({ name: "echo", arguments: { message: "grüße 👋" } }),
  sum: (client) => client.callTool({ name: "get-sum", arguments: { a: 2, b: 40 } }),
  structured: (client) =>
    client.callTool({ name: "get-structured-content", arguments: { location: "New York" } }),
  image: (client) => client.callTool({ name: "get-tiny-image", arguments: {} }),
  annotated: (client) =>
    client.callTool({ name: "get-annotated-message", arguments: { messageType: "error" } }),
  links: (client) => client.callTool({ name: "get-resource-links", arguments: { count: 3 } }),
  "unknown tool": (client) => said(client.callTool({ name: "nowhere", arguments: {} })),
  "wrong arguments": (client) => said(client.callTool({ name: "get-sum", arguments: { a: "x" } })),
  "long running": (client) =>
    client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 1, steps: 3 } }),
  prompt: (client) => client.getPrompt({ name: "args-prompt", arguments: { city: "Oslo" } }),
  resource: async (client) => {
    const { resources } = await client.listResources();
    return client.readResource({ uri: resources[0]?.uri ?? "" });
  },
  "resource that is not there": (client) => said(client.readResource({ uri: "demo://nowhere" })),
  completion: (client) =>
    client.complete({
      ref: { type: "ref/prompt", name: "completable-prompt" },
      argument: { name: "department", value: "E" },
    }),
  logging: (client) => client.setLoggingLevel("error"),
};

/** An error as its client tells it. */
async function said(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    const { code, message, data } = error as { code?: number; message: string; data?: unknown };
    return { code, message, data };
  }
}

describe.each(CLIENTS)("%s", (name) => {
  test(
    "everything: all methods answer through a gateway as they do directly",
    async () => {
      const direct = await connectClient(name, everything.url);
      const through = await connectClient(name, `${gateway.url}/mcp/everything`, secret);
      for (const [what, ask] of Object.entries(OF_EVERYTHING)) {
        expect(await ask(through), what).toEqual(await ask(direct));
      }
      await Promise.all([direct.close(), through.close()]);
    },
    WAIT_MS,
  );

  test(
    "filesystem: files are listed, read and written through a gateway as directly",
    async () => {
      const direct = await connectClient(name, filesystem.url);
      const through = await connectClient(name, `${gateway.url}/mcp/filesystem`, secret);
      const path = join(folder, "files", "a.txt");
      const written = join(folder, "files", `written-${name.length}.txt`);
      const asks: Ask[] = [
        (client) => client.listTools(),
        (client) => client.callTool({ name: "read_text_file", arguments: { path } }),
        (client) => client.callTool({ name: "list_directory", arguments: { path: join(folder, "files") } }),
        (client) => client.callTool({ name: "read_text_file", arguments: { path: "/etc/passwd" } }),
        (client) => client.callTool({ name: "write_file", arguments: { path: written, content: "x" } }),
      ];
      for (const ask of asks) expect(await ask(through)).toEqual(await ask(direct));
      await Promise.all([direct.close(), through.close()]);
    },
    WAIT_MS,
  );

  test(
    "memory: what is written through a gateway is read directly",
    async () => {
      const direct = await connectClient(name, memory.url);
      const through = await connectClient(name, `${gateway.url}/mcp/memory`, secret);
      const entity = { name: `from ${name}`, entityType: "test", observations: ["it holds"] };
      await through.callTool({ name: "create_entities", arguments: { entities: [entity] } });
      const read: Ask = (client) => client.callTool({ name: "read_graph", arguments: {} });
      const graph = await read(direct);
      expect(JSON.stringify(graph)).toContain(entity.name);
      expect(await read(through)).toEqual(graph);
      await Promise.all([direct.close(), through.close()]);
    },
    WAIT_MS,
  );
});

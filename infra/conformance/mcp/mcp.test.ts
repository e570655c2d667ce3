/** Both official clients against the reference servers through a gateway: what they get is what they get directly. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addMcpKey, startMcpGateway } from "@claviger/gateway/runtime/node/testing/mcp-rig";
import type { TestGateway } from "@claviger/gateway/runtime/node/testing/rig";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OF_EVERYTHING, ofFilesystem, writeMemory } from "./cases.ts";
import { CLIENTS, connectClient } from "./clients.ts";
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
      const asks = ofFilesystem(join(folder, "files"), `written-${name.length}.txt`);
      for (const [what, ask] of Object.entries(asks)) {
        expect(await ask(through), what).toEqual(await ask(direct));
      }
      await Promise.all([direct.close(), through.close()]);
    },
    WAIT_MS,
  );

  test(
    "memory: what is written through a gateway is read directly",
    async () => {
      const direct = await connectClient(name, memory.url);
      const through = await connectClient(name, `${gateway.url}/mcp/memory`, secret);
      const [graph, throughGateway] = await writeMemory(through, direct, `from ${name}`);
      expect(JSON.stringify(graph)).toContain(`from ${name}`);
      expect(throughGateway).toEqual(graph);
      await Promise.all([direct.close(), through.close()]);
    },
    WAIT_MS,
  );
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogRow } from "@claviger/shared/wire/query";
import { LogRow as LogRowSchema } from "@claviger/shared/wire/query";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogEntry, LogStore } from "../../ports.ts";
import { openLogStore } from "./log-store.ts";

const REPLICA = "rep_000000000001";
const BYTES_MAX = 10_000;

let folder: string;
let store: LogStore;
const open = () => openLogStore(join(folder, "log.sqlite"), REPLICA, BYTES_MAX);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "claviger-bodies-"));
  store = await open();
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const idOf = (n: number) => `req_${String(n).padStart(12, "0")}`;

function settled(n: number, said?: string): LogEntry {
  const side = { text: said ?? "", bytes: said?.length ?? 0, truncated: false };
  return {
    kind: "settled",
    generation: 1,
    basis: "provider",
    ipPrefix: "10.0.0.0/24",
    log: {
      ...{
        requestId: idOf(n),
        atMs: 1_000_000 + n,
        keyId: "key_000000000001",
        projectId: "prj_000000000001",
      },
      ...{ surface: "chat.completions", method: "POST", path: "/v1/chat/completions", model: "echo" },
      ...{ provider: "sandbox", llmKeyId: "llm_000000000001", status: 200, code: null, streamed: false },
      ...{ tokens: null, firstByteMs: null, totalMs: 1, ip: "10.0.0.1", metadata: {} },
    },
    ...(said === undefined ? {} : { bodies: { request: side, response: side } }),
  };
}

async function ask(n: number, bodies = true): Promise<LogRow | undefined> {
  const [row] = await store.query({ kind: "logs", limit: 1, requestId: idOf(n), bodies });
  return row === undefined ? undefined : LogRowSchema.parse(row);
}

test("bodies are told to who asks for those of one request, and to nobody else; they survive a restart", async () => {
  await store.append({ entries: [settled(1, "hello"), settled(2)], usageCursor: 0 });
  await store.close();
  store = await open();
  expect((await ask(1))?.bodies?.request).toEqual({ text: "hello", bytes: 5, truncated: false });
  expect((await ask(1, false))?.bodies).toBeUndefined();
  expect((await ask(2))?.bodies).toBeUndefined();
  const all = await store.query({ kind: "logs", limit: 10, bodies: true });
  expect(JSON.stringify(all)).not.toContain("hello");
  const usage = await store.usageAfter(0, 10);
  expect(new TextDecoder().decode(usage?.body)).not.toContain("hello");
  expect(JSON.stringify(await store.query({ kind: "audit", limit: 10 }))).not.toContain("hello");
});

test("they never take more than they may: the oldest go, and no line goes with them", async () => {
  for (let n = 0; n < 20; n++) {
    await store.append({ entries: [settled(n, "x".repeat(1000))], usageCursor: 0 });
  }
  const kept: number[] = [];
  for (let n = 0; n < 20; n++) if ((await ask(n))?.bodies !== undefined) kept.push(n);
  expect(kept).toEqual([16, 17, 18, 19]);
  expect(await store.query({ kind: "logs", limit: 50 })).toHaveLength(20);
  expect(await store.verify()).toBeUndefined();
});

test("they go by age before their lines, and with their lines", async () => {
  await store.append({ entries: [settled(1, "a"), settled(2, "b"), settled(3, "c")], usageCursor: 0 });
  const order = {
    deletableBeforeMs: 2_000_000,
    wantedBeforeMs: 0,
    bytesMax: 1e9,
    usageCursor: 3,
    rowsMax: 10,
  };
  await store.trim({ ...order, bodiesBeforeMs: 1_000_002 });
  expect([(await ask(1))?.bodies, (await ask(2))?.bodies?.request.text]).toEqual([undefined, "b"]);
  expect((await ask(1))?.status).toBe(200);
  await store.trim({ ...order, wantedBeforeMs: 1_000_003, bodiesBeforeMs: 0 });
  expect(await ask(2)).toBeUndefined();
  expect((await ask(3))?.bodies?.request.text).toBe("c");
});

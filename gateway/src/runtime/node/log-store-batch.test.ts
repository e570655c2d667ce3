import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageBatch } from "@claviger/shared/wire/usage";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogEntry, LogStore } from "../../ports.ts";
import { openLogStore } from "./log-store.ts";

let folder: string;
let store: LogStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "claviger-batch-"));
  store = await openLogStore(join(folder, "log.sqlite"), "rep_000000000001");
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const charges = Array.from({ length: 20 }, (_, n) => ({
  ...{
    slice: `slc_${String(n).padStart(12, "0")}`,
    n: "1000",
    budget: "bud_000000000001",
    startMs: 1_000_000,
  },
}));

/** Of many budgets, and with a name that is longer in bytes than in characters. */
function settled(n: number): LogEntry {
  return {
    ...{ kind: "settled", generation: 1, basis: "provider", ipPrefix: "10.0.0.0/24" },
    spent: { charges },
    log: {
      ...{ requestId: `req_${String(n).padStart(12, "0")}`, atMs: 1_000_000 + n, keyId: "key_000000000001" },
      ...{
        projectId: "prj_000000000001",
        surface: "chat.completions",
        method: "POST",
        path: "/",
        ip: "10.0.0.7",
      },
      ...{
        model: "鍵".repeat(256),
        provider: "sandbox",
        llmKeyId: "llm_000000000001",
        status: 200,
        code: null,
      },
      ...{ streamed: false, firstByteMs: 1.5, totalMs: 3, metadata: {} },
      tokens: { input: 1, cacheRead: 0, cacheWrite: null, output: 2, reasoning: null },
    },
  };
}

test("a batch of usage is one message of the bus, however long its events are, and none is left out", async () => {
  await store.append({ entries: Array.from({ length: 500 }, (_, n) => settled(n + 1)), usageCursor: 0 });
  const seqs: number[] = [];
  for (let cursor = 0, batches = 0; cursor < 500; batches++) {
    expect(batches).toBeLessThan(5);
    const batch = await store.usageAfter(cursor, 500);
    expect(batch?.body.length).toBeLessThan(1_000_000);
    const { events } = UsageBatch.parse(JSON.parse(new TextDecoder().decode(batch?.body)));
    seqs.push(...events.map(({ seq }) => seq));
    cursor = batch?.lastSeq ?? Number.NaN;
  }
  expect(seqs).toEqual(Array.from({ length: 500 }, (_, n) => n + 1));
});

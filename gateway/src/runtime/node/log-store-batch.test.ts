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

test("what is at hand, what is read back and what is asked for again are the same events", async () => {
  const told = async (cursor: number, limit: number) => {
    const batch = await store.usageAfter(cursor, limit);
    return [batch?.lastSeq, new TextDecoder().decode(batch?.body)];
  };
  const refused = { code: "invalid_json", minuteMs: 60_000, n: 3, keyId: "key_000000000001" };
  const count: LogEntry = { kind: "count", usage: { kind: "refused", ...refused } };
  const change: LogEntry = {
    kind: "change",
    atMs: 1,
    audit: { kind: "snapshot", epoch: 1, fromRev: 0, toRev: 4 },
  };
  const batches = [[settled(1), count, change, settled(2)], [change], [settled(3), count], [settled(4)]];
  for (const entries of batches) await store.append({ entries, usageCursor: 0 });
  const questions = [0, 0, 2, 1, 3, 5, 0, 6].map((cursor) => [cursor, cursor % 2 === 0 ? 500 : 2] as const);
  const atHand = [];
  for (const each of questions) atHand.push(await told(...each));
  await store.close();
  store = await openLogStore(join(folder, "log.sqlite"), "rep_000000000001");
  const read = [];
  for (const each of questions) read.push(await told(...each));
  expect(atHand).toEqual(read);
  expect(atHand.map(([lastSeq]) => lastSeq)).toEqual([6, 6, 6, 3, 5, 6, 6, undefined]);
  // Numbers that go on above a cursor which nobody here knew.
  await store.append({ entries: [settled(5)], usageCursor: 20 });
  expect((await told(6, 500))[0]).toBe(21);
  expect((await told(20, 500))[0]).toBe(21);
});

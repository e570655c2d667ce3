import { Query } from "@claviger/shared/wire/query";
import { afterEach, expect, test, vi } from "vitest";
import { cutIntoParts } from "./answer.ts";
import { refusedEntry, settledEntry } from "./entries.ts";
import type { Logs } from "./logs.ts";
import { applied, memoryStore, openRig, record, settlement } from "./testing/rig.ts";

let logs: Logs | undefined;
afterEach(async () => {
  await logs?.close();
  logs = undefined;
});

async function open(changes: Parameters<typeof openRig>[0] = {}) {
  const rig = await openRig(changes);
  logs = rig.logs;
  return rig;
}

test("a settlement is on disk before its open record is marked, and reaches the control plane by itself", async () => {
  const { store, journal, courier, logs } = await open();
  await logs.open(record);
  logs.settle(settlement(record.requestId));
  expect(journal.settled).toEqual([]);
  await vi.waitFor(() => expect(courier.taken).toBe(1), { timeout: 15_000, interval: 5 });
  expect(store.entries).toHaveLength(1);
  expect(journal.settled).toEqual([record.requestId]);
});

test("usage is offered again until the control plane's cursor has it, in batches of at most 500", async () => {
  const { courier, offered, logs } = await open();
  courier.failing = true;
  for (let n = 0; n < 1200; n++) logs.settle(settlement(`req_${n}`));
  await vi.waitFor(() => expect(offered.length).toBeGreaterThan(0), { timeout: 15_000, interval: 5 });
  courier.failing = false;
  await vi.waitFor(() => expect(courier.taken).toBe(1200), { timeout: 15_000, interval: 5 });
  for (const events of offered) expect(events.length).toBeLessThanOrEqual(500);
  expect(new Set(offered.flat().map(({ seq }) => seq)).size).toBe(1200);
});

test("of what the last process left open, what did not reach the disk is settled as a crash, and nothing else", async () => {
  const before = memoryStore();
  const { facts, admission } = settlement("req_000000000003");
  const sample = refusedEntry(facts, admission.key, "key_revoked", 401);
  await before.append({
    entries: [settledEntry(settlement("req_000000000002")), sample],
    usageCursor: 0,
  });
  const orphans = [1, 2, 3].map((n) => ({ ...record, requestId: `req_00000000000${n}` }));
  const { store, journal } = await open({ orphans, store: before });
  expect(store.entries.slice(2)).toMatchObject([
    { kind: "settled", basis: "crash", log: { requestId: "req_000000000001" } },
    { kind: "settled", basis: "crash", log: { requestId: "req_000000000003" } },
  ]);
  expect(journal.settled.sort()).toEqual(orphans.map(({ requestId }) => requestId));
});

test("a change is dated by the corrected time", async () => {
  const { store, logs } = await open();
  await logs.audit([applied(1)]);
  expect(store.entries).toMatchObject([{ kind: "change", atMs: 70_000 }]);
});

test("strict: without an open record nothing is served; continue: it is served and counted", async () => {
  const strict = await open();
  strict.journal.failing = true;
  expect(await strict.logs.open(record)).toBe(false);
  await strict.logs.close();
  const lax = await open({ policy: "continue" });
  lax.journal.failing = true;
  expect(await lax.logs.open(record)).toBe(true);
  expect(lax.metrics.unrecorded).toBe(1);
});

test("strict: after a commit that failed nothing is served until one has succeeded, and no entry is lost", async () => {
  const { store, metrics, logs } = await open();
  store.failing = true;
  logs.settle(settlement("req_1"));
  await vi.waitFor(() => expect(metrics.logFailures).toBe(1), { timeout: 15_000, interval: 5 });
  expect(await logs.open(record)).toBe(false);
  store.failing = false;
  await logs.audit([]);
  expect(store.entries).toHaveLength(1);
  expect(await logs.open(record)).toBe(true);
});

test("changes that could not be committed are not called audited, and are there once when they are offered again", async () => {
  const { store, logs } = await open();
  store.failing = true;
  await expect(logs.audit([applied(1), applied(2)])).rejects.toThrow("could not take");
  await expect(logs.audit([applied(1), applied(2)])).rejects.toThrow("could not take");
  expect(store.entries).toEqual([]);
  store.failing = false;
  await logs.audit([applied(1), applied(2)]);
  expect(store.entries).toMatchObject([{ audit: { rev: 1 } }, { audit: { rev: 2 } }]);
});

test("each of two audits that wait for the same commit learns how that commit ended", async () => {
  const { store, logs } = await open();
  const failed: Promise<unknown>[] = [];
  const { append } = store;
  let calls = 0;
  store.append = async (batch) => {
    if (++calls > 1) throw new Error("disk full");
    await Promise.resolve();
    failed.push(logs.audit([applied(2)]), logs.audit([applied(3)]));
    return append(batch);
  };
  await logs.audit([applied(1)]);
  const ended = await Promise.allSettled(failed);
  expect(ended.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(store.entries).toMatchObject([{ audit: { rev: 1 } }]);
  store.append = append;
});

test("continue: what waits for a disk that takes nothing is bounded; what is dropped is counted, and as many are left open", async () => {
  const { store, journal, metrics, logs } = await open({ policy: "continue", waitingMax: 10 });
  store.failing = true;
  for (let n = 0; n < 8; n++) logs.settle(settlement(`req_${n}`));
  await vi.waitFor(() => expect(metrics.logFailures).toBe(1), { timeout: 15_000, interval: 5 });
  for (let n = 8; n < 30; n++) logs.settle(settlement(`req_${n}`));
  expect(metrics.logEntriesDropped).toBe(20);
  expect(journal.settled).toEqual(Array.from({ length: 10 }, (_, n) => `req_${n + 20}`));
  store.failing = false;
  await logs.audit([]);
  expect(store.entries).toHaveLength(10);
  expect(journal.settled.slice(10)).toEqual(Array.from({ length: 10 }, (_, n) => `req_${n}`));
  logs.settle(settlement("req_30"));
  await logs.audit([]);
  expect(store.entries).toHaveLength(11);
});

test("strict: a disk that hangs admits nobody once the room is used up, and every admitted request is written down", async () => {
  const { store, metrics, logs } = await open({ waitingMax: 3 });
  const { append } = store;
  let release = () => undefined as unknown;
  const hanging = new Promise((resolve) => (release = () => resolve(undefined)));
  store.append = async (batch) => {
    await hanging;
    return append(batch);
  };
  const { facts, admission } = settlement("req_0");
  for (let n = 0; n < 5; n++) logs.settle(settlement(`req_${n}`));
  logs.refused(facts, admission.key, "key_revoked", 401);
  expect(await logs.open(record)).toBe(false);
  expect(metrics.logEntriesDropped).toBe(1);
  release();
  await logs.audit([]);
  expect(store.entries).toHaveLength(5);
  expect(await logs.open(record)).toBe(true);
});

test("the signed cursor is remembered, at the latest at the end; an unsigned one never is", async () => {
  const { store, courier, logs } = await open();
  logs.settle(settlement("req_1"));
  logs.settle(settlement("req_2"));
  await vi.waitFor(() => expect(courier.taken).toBe(2), { timeout: 15_000, interval: 5 });
  await logs.audit([applied(1)]);
  expect((await store.heads()).usageCursor).toBe(0);
  logs.usageCursor(2);
  await logs.close();
  expect((await store.heads()).usageCursor).toBe(2);
});

test("refusals of a known key are counted by code and minute, and only the first few leave a line", async () => {
  const { store, logs } = await open();
  const { facts, admission } = settlement("req_1");
  for (let n = 0; n < 100; n++) logs.refused(facts, admission.key, "key_revoked", 401);
  await logs.close();
  expect(store.entries.filter(({ kind }) => kind === "refused")).toHaveLength(5);
  expect(store.entries.filter(({ kind }) => kind === "count")).toMatchObject([
    { usage: { keyId: admission.key.id, code: "key_revoked", minuteMs: 0, n: 100 } },
  ]);
});

test("only a signed query for this replica is answered", async () => {
  const { parts, logs } = await open();
  const query: Query = {
    v: 1,
    id: "q1",
    cp: "cp1",
    replica: "rep_000000000001",
    untilMs: 75_000,
    question: { kind: "logs", limit: 5 },
  };
  logs.query(JSON.stringify({ ...query, replica: "rep_000000000002", id: "other" }));
  logs.query(JSON.stringify(Query.parse(query)));
  await vi.waitFor(() => expect(parts).toHaveLength(1), { timeout: 15_000, interval: 5 });
  expect(parts).toEqual(['cp1 q1 {"part":0,"more":false,"rows":[{"n":1}]}']);
});

test("an answer is cut into parts of at most 256 KiB that join to all its rows", () => {
  const rows = Array.from({ length: 500 }, (_, n) => ({ n, text: "é".repeat(1000) }));
  const parts = cutIntoParts(rows);
  expect(parts.length).toBeGreaterThan(3);
  for (const part of parts) expect(part.length).toBeLessThanOrEqual(256 * 1024);
  const read = parts.map((part) => JSON.parse(new TextDecoder().decode(part)));
  expect(read.flatMap((part) => part.rows)).toEqual(rows);
  expect(read.map(({ part, more }) => [part, more]).at(-1)).toEqual([parts.length - 1, false]);
  expect(cutIntoParts([]).map((part) => new TextDecoder().decode(part))).toEqual([
    '{"part":0,"more":false,"rows":[]}',
  ]);
});

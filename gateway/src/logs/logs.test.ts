import { Query } from "@claviger/shared/wire/query";
import { UsageBatch, type UsageEvent } from "@claviger/shared/wire/usage";
import { afterEach, expect, test, vi } from "vitest";
import { createMetrics } from "../metrics.ts";
import type { AuditEntry, LogEntry, LogHeads, LogStore, OpenJournal, OpenRecord } from "../ports.ts";
import type { Admission, Settlement } from "../rooms.ts";
import { cutIntoParts } from "./answer.ts";
import { refusedEntry, settledEntry } from "./entries.ts";
import { type Logs, openLogs } from "./logs.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A store in memory with the numbering of the real one. */
function memoryStore() {
  const entries: LogEntry[] = [];
  const usage: UsageEvent[] = [];
  const heads: LogHeads = { auditN: 0, auditHead: "", usageNextSeq: 1, usageCursor: 0 };
  const store = {
    entries,
    usage,
    failing: false,
    async append(batch: Parameters<LogStore["append"]>[0]) {
      if (store.failing) throw new Error("disk full");
      for (const entry of batch.entries) {
        entries.push(entry);
        if (entry.kind !== "settled" && entry.kind !== "count") continue;
        const seq = heads.usageNextSeq++;
        const counted = entry.kind === "count" ? entry.usage : { ...refusal, n: 1 };
        usage.push({ ...counted, seq });
      }
      return { ...heads };
    },
    query: async () => [{ n: 1 }] as never,
    async settledAmong(ids: readonly string[]) {
      const settled = entries.flatMap((entry) => (entry.kind === "settled" ? [entry.log.requestId] : []));
      return new Set(settled.filter((id) => ids.includes(id)));
    },
    async usageAfter(cursor: number, limit: number) {
      const events = usage.filter(({ seq }) => seq > cursor).slice(0, limit);
      if (events.length === 0) return undefined;
      const body = new TextEncoder().encode(JSON.stringify({ v: 1, events }));
      return { body, lastSeq: events.at(-1)?.seq ?? 0 };
    },
    verify: async () => undefined,
    heads: async () => ({ ...heads }),
    close: async () => undefined,
  };
  return store satisfies LogStore;
}

const refusal = { kind: "refused", keyId: "key_000000000001", code: "x", minuteMs: 0 } as const;

function memoryJournal(orphans: OpenRecord[] = []) {
  const journal = {
    opened: [] as string[],
    settled: [] as string[],
    failing: false,
    async open(record: OpenRecord) {
      if (journal.failing) throw new Error("disk full");
      journal.opened.push(record.requestId);
    },
    settle: (id: string) => void journal.settled.push(id),
    orphans: async () => orphans,
    close: async () => undefined,
  };
  return journal satisfies OpenJournal;
}

const record: OpenRecord = {
  requestId: "req_000000000001",
  atMs: 5,
  keyId: "key_000000000001",
  generation: 1,
  projectId: "prj_000000000001",
  surface: "chat.completions",
  provider: "sandbox",
  llmKeyId: "llm_000000000001",
  model: "echo",
  ipPrefix: "",
};

function settlement(requestId: string): Settlement {
  const key = { id: record.keyId, projectId: record.projectId, metadata: { team: "blue" } };
  const provider = { id: record.llmKeyId, provider: "sandbox" };
  return {
    facts: {
      requestId,
      atMs: 5,
      surface: "chat.completions",
      method: "POST",
      path: "/",
      ip: "::1",
      ipPrefix: "",
    },
    admission: { key, provider, generation: 1, model: "echo" } as unknown as Admission,
    status: 200,
    code: null,
    streamed: false,
    tokens: { input: 1, cacheRead: null, cacheWrite: null, output: 2, reasoning: null },
    basis: "provider",
    firstByteMs: 1,
    totalMs: 2,
  };
}

let logs: Logs | undefined;
afterEach(async () => {
  await logs?.close();
  logs = undefined;
});

interface Changes {
  orphans?: OpenRecord[];
  policy?: "strict" | "continue";
  store?: ReturnType<typeof memoryStore>;
  waitingMax?: number;
}

async function open(changes: Changes = {}) {
  const store = changes.store ?? memoryStore();
  const journal = memoryJournal(changes.orphans);
  const metrics = createMetrics();
  const offered: UsageEvent[][] = [];
  const parts: string[] = [];
  const courier = {
    taken: 0,
    failing: false,
    async usage(body: Uint8Array) {
      const { events } = UsageBatch.parse(JSON.parse(new TextDecoder().decode(body)));
      offered.push(events);
      if (courier.failing) throw new Error("nobody answers");
      courier.taken = events.at(-1)?.seq ?? 0;
      return new TextEncoder().encode(JSON.stringify({ cursor: courier.taken }));
    },
    async answer(cp: string, id: string, part: Uint8Array) {
      parts.push(`${cp} ${id} ${new TextDecoder().decode(part)}`);
    },
  };
  const opened = await openLogs({
    ...{ store, journal, courier, metrics, log: quiet, replicaId: "rep_000000000001" },
    clock: { wallMs: () => 60_000, monoMs: () => 0 },
    verify: async (type, jws) => (type === "clv-query+jws" ? new TextEncoder().encode(jws) : undefined),
    auditPolicy: () => changes.policy ?? "strict",
    ...(changes.waitingMax === undefined ? {} : { waitingMax: changes.waitingMax }),
  });
  logs = opened;
  return { store, journal, metrics, courier, offered, parts, logs: opened };
}

test("a settlement is on disk before its open record is marked, and reaches the control plane within 200 ms", async () => {
  const { store, journal, courier, logs } = await open();
  await logs.open(record);
  logs.settle(settlement(record.requestId));
  expect(journal.settled).toEqual([]);
  const startedMs = performance.now();
  await vi.waitFor(() => expect(courier.taken).toBe(1), { interval: 5 });
  expect(performance.now() - startedMs).toBeLessThan(200);
  expect(store.entries).toHaveLength(1);
  expect(journal.settled).toEqual([record.requestId]);
});

test("usage is offered again until the control plane's cursor has it, in batches of at most 500", async () => {
  const { courier, offered, logs } = await open();
  courier.failing = true;
  for (let n = 0; n < 1200; n++) logs.settle(settlement(`req_${n}`));
  await vi.waitFor(() => expect(offered.length).toBeGreaterThan(0), { interval: 5 });
  courier.failing = false;
  await vi.waitFor(() => expect(courier.taken).toBe(1200), { timeout: 2000, interval: 5 });
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
  await vi.waitFor(() => expect(metrics.logFailures).toBe(1), { interval: 5 });
  expect(await logs.open(record)).toBe(false);
  store.failing = false;
  await logs.audit([]);
  expect(store.entries).toHaveLength(1);
  expect(await logs.open(record)).toBe(true);
});

const applied = (rev: number): AuditEntry => ({
  kind: "change",
  epoch: 1,
  rev,
  action: "api-key.revoke",
  actor: { kind: "member", id: "mem_000000000001", name: "a@b" },
  ids: [record.keyId],
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

test("continue: what waits for a disk that takes nothing is bounded; what is dropped is counted and left open", async () => {
  const { store, journal, metrics, logs } = await open({ policy: "continue", waitingMax: 10 });
  store.failing = true;
  for (let n = 0; n < 8; n++) logs.settle(settlement(`req_${n}`));
  await vi.waitFor(() => expect(metrics.logFailures).toBe(1), { interval: 5 });
  for (let n = 8; n < 30; n++) logs.settle(settlement(`req_${n}`));
  expect(metrics.logEntriesDropped).toBe(20);
  store.failing = false;
  await logs.audit([]);
  expect(store.entries).toHaveLength(10);
  expect(journal.settled).toHaveLength(10);
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
    question: { kind: "logs", limit: 5 },
  };
  logs.query(JSON.stringify({ ...query, replica: "rep_000000000002", id: "other" }));
  logs.query(JSON.stringify(Query.parse(query)));
  await vi.waitFor(() => expect(parts).toHaveLength(1), { interval: 5 });
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

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { AuditRow, LogQuestion, LogRow } from "@claviger/shared/wire/query";
import { AuditRow as AuditRowSchema, LogRow as LogRowSchema } from "@claviger/shared/wire/query";
import { UsageBatch } from "@claviger/shared/wire/usage";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chainRoot, firstBrokenLink } from "../../logs/chain.ts";
import { questionSql } from "../../logs/store/query.ts";
import type { LogEntry, LogStore } from "../../ports.ts";
import { openLogStore } from "./log-store.ts";

const REPLICA = "rep_000000000001";

let folder: string;
let store: LogStore;
const path = () => join(folder, "log.sqlite");

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "claviger-log-"));
  store = await openLogStore(path(), REPLICA);
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

function settled(n: number, changes: Partial<LogRow> = {}): LogEntry {
  return {
    kind: "settled",
    generation: 1,
    basis: "provider",
    ipPrefix: "10.0.0.0/24",
    log: {
      requestId: `req_${String(n).padStart(12, "0")}`,
      atMs: 1_000_000 + n,
      keyId: "key_000000000001",
      projectId: "prj_000000000001",
      surface: "chat.completions",
      method: "POST",
      path: "/v1/chat/completions",
      model: "echo",
      provider: "sandbox",
      llmKeyId: "llm_000000000001",
      status: 200,
      code: null,
      streamed: false,
      tokens: { input: 1, cacheRead: 0, cacheWrite: null, output: 2, reasoning: null },
      firstByteMs: 1.5,
      totalMs: 3,
      ip: "10.0.0.7",
      metadata: { team: "é" },
      ...changes,
    },
  };
}

const change = (rev: number, ids = ["key_000000000001"]): LogEntry => ({
  kind: "change",
  atMs: 5,
  audit: {
    kind: "change",
    epoch: 1,
    rev,
    action: "api-key.revoke",
    actor: { kind: "member", id: "mem_000000000001", name: "a@b" },
    ids,
  },
});

const count: LogEntry = {
  kind: "count",
  usage: { kind: "refused", keyId: "key_000000000001", code: "key_revoked", minuteMs: 0, n: 7 },
};

test("audit links and usage sequence numbers are gapless over batches and restarts, and the chain verifies", async () => {
  await store.append({ entries: [change(1), settled(1), count], usageCursor: 0 });
  await store.close();
  store = await openLogStore(path(), REPLICA);
  const heads = await store.append({ entries: [settled(2), change(2)], usageCursor: 1 });
  expect(heads).toMatchObject({ auditN: 4, usageNextSeq: 4, usageCursor: 1 });
  const rows = (await store.query({ kind: "audit", limit: 10 })) as AuditRow[];
  expect(rows.map(({ n }) => n)).toEqual([4, 3, 2, 1]);
  for (const row of rows) expect(AuditRowSchema.parse(row)).toEqual(row);
  expect(heads.auditHead).toBe(rows[0]?.hash);
  const oldestFirst = [...rows].reverse();
  const root = { n: 0, hash: await chainRoot(REPLICA) };
  expect(await firstBrokenLink(oldestFirst, root)).toBeUndefined();
  expect(
    await firstBrokenLink(
      oldestFirst.filter(({ n }) => n !== 2),
      root,
    ),
  ).toBe(3);
  const later = oldestFirst.map((row) => (row.n === 2 ? { ...row, atMs: row.atMs + 1 } : row));
  expect(await firstBrokenLink(later, root)).toBe(2);
  expect(await firstBrokenLink(oldestFirst, { n: 0, hash: await chainRoot("rep_000000000002") })).toBe(1);
  expect(await store.verify()).toBeUndefined();
  const batch = await store.usageAfter(1, 500);
  const events = UsageBatch.parse(JSON.parse(new TextDecoder().decode(batch?.body))).events;
  expect(events.map(({ seq, kind }) => [seq, kind])).toEqual([
    [2, "refused"],
    [3, "settled"],
  ]);
  expect(await store.usageAfter(3, 500)).toBeUndefined();
});

test("an edited line is found by the verifier", async () => {
  await store.append({ entries: [settled(1), settled(2), settled(3)], usageCursor: 0 });
  await store.close();
  const db = new DatabaseSync(path());
  db.exec(`UPDATE entry SET log = replace(log, '"status":200', '"status":500') WHERE audit_n = 2`);
  db.close();
  store = await openLogStore(path(), REPLICA);
  expect(await store.verify()).toBe(2);
});

test("a change that comes twice is one link", async () => {
  await store.append({ entries: [change(1), change(1)], usageCursor: 0 });
  const heads = await store.append({ entries: [change(1), change(2)], usageCursor: 0 });
  expect(heads.auditN).toBe(2);
});

test("a revision that changes came after is known to be an older one, also past a snapshot and over an epoch", async () => {
  const knows = (epoch: number, rev: number) => store.knowsLater({ epoch, rev });
  expect(await knows(0, 0)).toBe(false);
  await store.append({ entries: [change(1), change(2)], usageCursor: 0 });
  expect([await knows(1, 1), await knows(1, 2), await knows(2, 0)]).toEqual([true, false, false]);
  const snapshot = { kind: "snapshot", epoch: 3, fromRev: 2, toRev: 10 } as const;
  await store.append({ entries: [{ kind: "change", atMs: 1, audit: snapshot }], usageCursor: 0 });
  expect([await knows(1, 2), await knows(3, 9), await knows(3, 10)]).toEqual([true, true, false]);
});

test("a batch that fails leaves nothing behind", async () => {
  const broken = { ...settled(1), generation: {} as number } as LogEntry;
  await expect(store.append({ entries: [settled(1), broken], usageCursor: 0 })).rejects.toThrow();
  const heads = await store.append({ entries: [settled(2)], usageCursor: 0 });
  expect(heads).toMatchObject({ auditN: 1, usageNextSeq: 2 });
  expect(await store.query({ kind: "logs", limit: 10 })).toHaveLength(1);
  expect(await store.verify()).toBeUndefined();
});

test("a sequence number that the control plane has is never given again", async () => {
  const heads = await store.append({ entries: [settled(1)], usageCursor: 41 });
  expect(heads.usageNextSeq).toBe(43);
  await store.close();
  store = await openLogStore(path(), REPLICA);
  expect((await store.heads()).usageNextSeq).toBe(43);
});

test("logs are filtered and paged newest first; audit follows a key through changes and requests", async () => {
  const refused: LogEntry = {
    kind: "refused",
    log: { ...(settled(4) as Extract<LogEntry, { kind: "settled" }>).log, code: "key_revoked", model: null },
  };
  const other = settled(5, { keyId: "key_000000000002", model: "story" });
  await store.append({ entries: [settled(1), settled(2), refused, other, change(1)], usageCursor: 0 });
  const ids = async (question: object) =>
    ((await store.query({ kind: "logs", limit: 10, ...question })) as LogRow[]).map(({ requestId }) =>
      Number(requestId.slice(4)),
    );
  expect(await ids({})).toEqual([5, 4, 2, 1]);
  expect(await ids({ keyId: "key_000000000001", limit: 2 })).toEqual([4, 2]);
  expect(await ids({ before: 3 })).toEqual([2, 1]);
  expect(await ids({ model: "story" })).toEqual([5]);
  expect(await ids({ code: "key_revoked" })).toEqual([4]);
  expect(await ids({ surface: other.kind === "settled" ? other.log.surface : "" })).toEqual([5, 4, 2, 1]);
  expect(await ids({ surface: "mcp" })).toEqual([]);
  expect(await ids({ requestId: "req_000000000002" })).toEqual([2]);
  expect(await ids({ fromMs: 1_000_002, toMs: 1_000_004 })).toEqual([4, 2]);
  const rows = (await store.query({ kind: "logs", limit: 10 })) as LogRow[];
  for (const row of rows) expect(LogRowSchema.parse(row)).toEqual(row);
  const audit = (await store.query({ kind: "audit", limit: 10, keyId: "key_000000000001" })) as AuditRow[];
  expect(audit.map(({ entry }) => entry.kind)).toEqual(["change", "request", "request"]);
  expect(await store.query({ kind: "audit", limit: 10, action: "api-key.revoke" })).toHaveLength(1);
});

test("of the requests asked for, those are told whose settlement is on disk, a refusal's sample is not one", async () => {
  const { log } = settled(2) as Extract<LogEntry, { kind: "settled" }>;
  await store.append({ entries: [settled(1), { kind: "refused", log }, settled(3)], usageCursor: 0 });
  const ids = [1, 2, 3, 4].map((n) => `req_00000000000${n}`);
  expect([...(await store.settledAmong(ids))].sort()).toEqual(["req_000000000001", "req_000000000003"]);
  expect(await store.settledAmong([])).toEqual(new Set());
});

test("a request and a key's lines are found by index", async () => {
  await store.append({ entries: [settled(1)], usageCursor: 0 });
  const db = new DatabaseSync(path(), { readOnly: true });
  const planOf = (question: Partial<LogQuestion>) => {
    const { sql, values } = questionSql({ kind: "logs", limit: 10, ...question } as LogQuestion);
    return JSON.stringify(db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values));
  };
  expect(planOf({ requestId: "req_000000000001" })).toContain("USING PRIMARY KEY (id=?)");
  expect(planOf({ keyId: "key_000000000001" })).toContain("USING INDEX entry_key");
  expect(planOf({ keyId: "key_000000000001" })).not.toContain("TEMP B-TREE");
  db.close();
});

test("requests are found whether their rows are indexed yet or not, and their index goes with them", async () => {
  const many = Array.from({ length: 9_000 }, (_, n) => settled(n));
  await store.append({ entries: many, usageCursor: 0 });
  await store.append({ entries: [settled(9_000)], usageCursor: 0 });
  const idOf = (n: number) => `req_${String(n).padStart(12, "0")}`;
  const ids = [0, 8_999, 9_000].map(idOf);
  for (const requestId of ids) {
    expect(await store.query({ kind: "logs", limit: 10, requestId })).toMatchObject([{ requestId }]);
  }
  expect(await store.settledAmong([...ids, "req_none"])).toEqual(new Set(ids));
  const db = new DatabaseSync(path(), { readOnly: true });
  const indexed = () => Number(db.prepare("SELECT count(*) AS n FROM request").get()?.n);
  expect(indexed()).toBe(8_192);
  await store.trim({ ...order, wantedBeforeMs: 2_000_000, usageCursor: 10_000, rowsMax: 5_000 });
  expect(indexed()).toBe(3_192);
  expect(await store.query({ kind: "logs", limit: 10, requestId: idOf(0) })).toEqual([]);
  db.close();
});

test("a question that takes long holds up no commit", async () => {
  await store.append({ entries: Array.from({ length: 20_000 }, (_, n) => settled(n)), usageCursor: 0 });
  const order: string[] = [];
  const question = store.verify().then(() => order.push("question"));
  const commit = store
    .append({ entries: [settled(20_001)], usageCursor: 0 })
    .then(() => order.push("commit"));
  await Promise.all([question, commit]);
  expect(order).toEqual(["commit", "question"]);
});

const order = {
  deletableBeforeMs: 2_000_000,
  wantedBeforeMs: 0,
  bytesMax: 1e9,
  usageCursor: 0,
  bodiesBeforeMs: 0,
  rowsMax: 100,
};

test("trimmed by age: what is left verifies from its anchor, and rows, links and events are numbered on, also after a restart", async () => {
  await store.append({ entries: [change(1), settled(1), settled(2), count, settled(3)], usageCursor: 0 });
  const before = await store.heads();
  const trimmed = await store.trim({ ...order, wantedBeforeMs: 2_000_000, usageCursor: 4 });
  expect(trimmed).toMatchObject({ rows: 4, more: false });
  expect(await store.verify()).toBeUndefined();
  await store.close();
  store = await openLogStore(path(), REPLICA);
  expect(await store.heads()).toEqual(before);
  await store.append({ entries: [settled(4)], usageCursor: 4 });
  expect(await store.verify()).toBeUndefined();
  const rows = (await store.query({ kind: "logs", limit: 10 })) as LogRow[];
  expect(rows.map(({ n, requestId }) => `${n} ${Number(requestId.slice(4))}`)).toEqual(["6 4", "5 3"]);
  await store.close();
  const db = new DatabaseSync(path());
  db.exec(`UPDATE anchor SET hash = '${"B".repeat(43)}'`);
  db.close();
  store = await openLogStore(path(), REPLICA);
  expect(await store.verify()).toBe(4);
});

test("nothing goes whose usage is not acknowledged, nor anything behind it, nor what is too young, whatever the size", async () => {
  await store.append({ entries: [settled(1), settled(2), settled(3), settled(4)], usageCursor: 0 });
  const old = { ...order, wantedBeforeMs: 2_000_000, bytesMax: 0 };
  expect(await store.trim({ ...old, usageCursor: 1 })).toMatchObject({ rows: 1 });
  expect(await store.trim({ ...old, usageCursor: 4, deletableBeforeMs: 1_000_003 })).toMatchObject({
    rows: 1,
  });
  expect(await store.query({ kind: "logs", limit: 10 })).toHaveLength(2);
});

test("above its size the store lets go of the oldest that may go, in parts; below it only of what is too old", async () => {
  await store.append({ entries: Array.from({ length: 250 }, (_, n) => settled(n)), usageCursor: 0 });
  expect(await store.trim({ ...order, usageCursor: 250 })).toMatchObject({ rows: 0, more: false });
  const tight = { ...order, usageCursor: 250, bytesMax: 20_000 };
  const first = await store.trim(tight);
  expect(first).toMatchObject({ rows: 100, more: true });
  const second = await store.trim(tight);
  expect(second.bytes).toBeLessThan(first.bytes);
  expect(await store.verify()).toBeUndefined();
});

test("a control plane that was set back below what is kept is told so, and one that was not is not", async () => {
  await store.append({ entries: [settled(1), settled(2), settled(3)], usageCursor: 0 });
  // The last line stays: the chain goes on from it.
  await store.trim({ ...order, wantedBeforeMs: 2_000_000, usageCursor: 3 });
  await store.append({ entries: [settled(4)], usageCursor: 3 });
  const gone = async (after: number) =>
    UsageBatch.parse(JSON.parse(new TextDecoder().decode((await store.usageAfter(after, 500))?.body)))
      .goneUpTo;
  expect([await gone(0), await gone(1), await gone(2), await gone(3)]).toEqual([2, 2, undefined, undefined]);
});

test("when all events are gone their numbers are not given again, though the remembered cursor is lower", async () => {
  await store.append({ entries: [settled(1), settled(2), change(1)], usageCursor: 0 });
  await store.trim({ ...order, wantedBeforeMs: 2_000_000, usageCursor: 2 });
  await store.close();
  store = await openLogStore(path(), REPLICA);
  expect(await store.heads()).toMatchObject({ usageNextSeq: 3, usageCursor: 0, auditN: 3 });
});

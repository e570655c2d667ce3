import { UsageBatch, type UsageEvent } from "@claviger/shared/wire/usage";
import { createMetrics } from "../../metrics.ts";
import type { AuditEntry, LogEntry, LogHeads, LogStore, OpenJournal, OpenRecord } from "../../ports.ts";
import type { Admission, Settlement } from "../../rooms.ts";
import { openLogs } from "../logs.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A store in memory with the numbering of the real one. */
export function memoryStore() {
  const entries: LogEntry[] = [];
  const usage: UsageEvent[] = [];
  const heads: LogHeads = { auditN: 0, auditHead: "", usageNextSeq: 1, usageCursor: 0 };
  const store = {
    entries,
    usage,
    escrow: [] as string[],
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
      if (batch.escrow?.anew === true) store.escrow.length = 0;
      store.escrow.push(...(batch.escrow?.lines ?? []));
      heads.usageCursor = batch.usageCursor;
      return { ...heads };
    },
    query: async () => [{ n: 1 }] as never,
    async settledAmong(ids: readonly string[]) {
      const settled = entries.flatMap((entry) => (entry.kind === "settled" ? [entry.log.requestId] : []));
      return new Set(settled.filter((id) => ids.includes(id)));
    },
    knowsLater: async () => false,
    async usageAfter(cursor: number, limit: number) {
      const events = usage.filter(({ seq }) => seq > cursor).slice(0, limit);
      if (events.length === 0) return undefined;
      const body = new TextEncoder().encode(JSON.stringify({ v: 1, events }));
      return { body, lastSeq: events.at(-1)?.seq ?? 0 };
    },
    escrowLines: async () => [...store.escrow],
    trim: async () => ({ rows: 0, bytes: 0, more: false }),
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

export const record: OpenRecord = {
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

export function settlement(requestId: string): Settlement {
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
    attempt: 1,
    followed: false,
    earlier: undefined,
    spent: undefined,
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

interface Changes {
  orphans?: OpenRecord[];
  policy?: "strict" | "continue";
  store?: ReturnType<typeof memoryStore>;
  waitingMax?: number;
}

/** The logs on a store, a journal and a courier in memory, which the test makes fail. */
export async function openRig(changes: Changes = {}) {
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
    nowMs: () => 60_000,
    stampMs: () => 70_000,
    verify: async (type, jws) => (type === "clv-query+jws" ? new TextEncoder().encode(jws) : undefined),
    auditPolicy: () => changes.policy ?? "strict",
    ...(changes.waitingMax === undefined ? {} : { waitingMax: changes.waitingMax }),
  });
  return { store, journal, metrics, courier, offered, parts, logs: opened };
}

export const applied = (rev: number): AuditEntry => ({
  kind: "change",
  epoch: 1,
  rev,
  action: "api-key.revoke",
  actor: { kind: "member", id: "mem_000000000001", name: "a@b" },
  ids: [record.keyId],
});

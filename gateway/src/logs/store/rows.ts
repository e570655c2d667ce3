/** The one table of the local log, and what its rows are told as. */
import type { AuditRow, LogRow } from "@claviger/shared/wire/query";
import type { UsageEvent } from "@claviger/shared/wire/usage";
import type { LogEntry, RequestAudit, Spent } from "../../ports.ts";
import { auditText, linkText } from "../chain.ts";
import { BODIES_SCHEMA } from "./bodies.ts";
import { REQUESTS_SCHEMA } from "./requests.ts";

export const KINDS = { settled: 0, change: 1, refused: 2, count: 3 } as const;

export const SCHEMA = `
CREATE TABLE IF NOT EXISTS entry (
  n INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  key_id TEXT,
  log TEXT,
  generation INTEGER,
  basis TEXT,
  ip_prefix TEXT,
  usage TEXT,
  change TEXT,
  audit TEXT,
  audit_n INTEGER,
  hash TEXT,
  seq INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS entry_audit ON entry (audit_n) WHERE audit_n IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS entry_seq ON entry (seq) WHERE seq IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS entry_change ON entry (change) WHERE change IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_key ON entry (key_id) WHERE key_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS anchor (
  one INTEGER PRIMARY KEY CHECK (one = 1), audit_n INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
${REQUESTS_SCHEMA}
${BODIES_SCHEMA}`;

export interface Row {
  readonly n: number;
  readonly kind: number;
  readonly at_ms: number;
  readonly log: string | null;
  readonly generation: number | null;
  readonly basis: string | null;
  readonly ip_prefix: string | null;
  readonly usage: string | null;
  readonly audit: string | null;
  readonly audit_n: number | null;
  readonly hash: string | null;
  readonly seq: number | null;
}

export function logRow(row: Row): LogRow {
  const { cost = null } = row.usage === null ? {} : (JSON.parse(row.usage) as Partial<Spent>);
  return {
    n: row.n,
    ...(JSON.parse(row.log ?? "{}") as Omit<LogRow, "n">),
    decision: row.kind === KINDS.refused ? "refused" : "admitted",
    ...(cost === null ? {} : { cost }),
  };
}

/** What the chain says of a request is told from its log line, so it is stored once. */
export function requestAudit(log: Omit<LogRow, "n">, generation: number): RequestAudit {
  return {
    kind: "request",
    requestId: log.requestId,
    keyId: log.keyId ?? "",
    generation,
    model: log.model ?? "",
    provider: log.provider ?? "",
    status: log.status,
    code: log.code,
    ...(log.mcp === undefined ? {} : { mcp: log.mcp }),
  };
}

export function auditRow(row: Row): AuditRow {
  const entry =
    row.kind === KINDS.settled
      ? requestAudit(logRow(row), row.generation ?? 0)
      : (JSON.parse(row.audit ?? "{}") as AuditRow["entry"]);
  return { n: row.audit_n ?? 0, hash: row.hash ?? "", atMs: row.at_ms, entry };
}

/** What of a row its usage event is told from. */
export type UsageRow = Pick<Row, "kind" | "log" | "generation" | "basis" | "ip_prefix" | "usage" | "seq">;

export const USAGE_COLUMNS = ["kind", "log", "generation", "basis", "ip_prefix", "usage", "seq"] as const;

export function usageEvent(row: UsageRow): UsageEvent {
  const seq = row.seq ?? 0;
  const said = row.usage === null ? {} : JSON.parse(row.usage);
  if (row.kind === KINDS.count) return { ...said, seq } as UsageEvent;
  const log = JSON.parse(row.log ?? "{}") as Omit<LogRow, "n">;
  return {
    kind: "settled",
    seq,
    keyId: log.keyId ?? "",
    generation: row.generation ?? 1,
    projectId: log.projectId ?? "",
    requestId: log.requestId,
    surface: log.surface,
    provider: log.provider ?? "",
    llmKeyId: log.llmKeyId ?? "",
    model: log.model ?? "",
    status: log.status,
    code: log.code,
    tokens: log.tokens ?? { input: null, cacheRead: null, cacheWrite: null, output: null, reasoning: null },
    basis: row.basis as "provider" | "bounded" | "crash",
    startedAtMs: log.atMs,
    firstByteMs: log.firstByteMs,
    totalMs: log.totalMs,
    ipPrefix: row.ip_prefix ?? "",
    ...(log.attempt === undefined ? {} : { attempt: log.attempt }),
    ...(said as Spent),
  };
}

/**
 * An entry on its way to the thread, as flat values: a nested object costs more to copy between threads than to write as
 * text. The first ten stand in the columns of `INSERT_COLUMNS`; then the text that is chained, whether it is usage, and
 * captured bodies where there are any.
 */
export type FlatEntry = readonly (string | number | null)[];

export const INSERT_COLUMNS = [
  ...["kind", "at_ms", "key_id", "log", "generation", "basis", "ip_prefix", "usage", "change", "audit"],
  ...["audit_n", "hash", "seq"],
] as const;
const [KIND, LOG, GENERATION, BASIS, IP_PREFIX, USAGE] = [0, 3, 4, 5, 6, 7];

/** The same as from its row, while the entry is still at hand. */
export function usageRow(entry: FlatEntry, seq: number): UsageRow {
  return {
    kind: entry[KIND] as number,
    log: entry[LOG] as string | null,
    generation: entry[GENERATION] as number | null,
    basis: entry[BASIS] as string | null,
    ip_prefix: entry[IP_PREFIX] as string | null,
    usage: entry[USAGE] as string | null,
    seq,
  };
}

export const CHAINED = 10;
export const IS_USAGE = 11;
export const BODIES = 12;

export function flatEntry(entry: LogEntry): FlatEntry {
  switch (entry.kind) {
    case "settled": {
      const { log, generation, basis, ipPrefix, spent, bodies } = entry;
      const text = JSON.stringify(log);
      const chained = linkText(log.atMs, auditText(requestAudit(log, generation)));
      return [
        KINDS.settled,
        log.atMs,
        log.keyId,
        text,
        generation,
        basis,
        ipPrefix,
        spent === undefined ? null : JSON.stringify(spent),
        null,
        null,
        chained,
        1,
        ...(bodies === undefined ? [] : [JSON.stringify(bodies)]),
      ];
    }
    case "refused": {
      const { log } = entry;
      const text = JSON.stringify(log);
      return [KINDS.refused, log.atMs, log.keyId, text, null, null, null, null, null, null, null, 0];
    }
    case "count": {
      const { usage } = entry;
      const text = JSON.stringify(usage);
      return [KINDS.count, usage.minuteMs, usage.keyId, null, null, null, null, text, null, null, null, 1];
    }
    case "change": {
      const { audit, atMs } = entry;
      const isChange = audit.kind === "change";
      const change = `${audit.kind}.${audit.epoch}.${isChange ? audit.rev : audit.toRev}`;
      const keyId = isChange ? (audit.ids.find((id) => /^(?:key|agt)_/.test(id)) ?? null) : null;
      const text = auditText(audit);
      return [KINDS.change, atMs, keyId, null, null, null, null, null, change, text, linkText(atMs, text), 0];
    }
  }
}

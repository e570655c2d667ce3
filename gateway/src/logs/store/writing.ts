/**
 * What is written to the replica's one local database. One table holds request log, audit chain and usage outbox; a
 * settled request is one row.
 */
import type { LogBatch, LogHeads, Trimmed, TrimOrder } from "../../ports.ts";
import { createKeeping, type Keeping } from "./bodies.ts";
import { createEscrowWriting, ESCROW_SCHEMA, readEscrowLines } from "./escrow-lines.ts";
import { createIndexing } from "./requests.ts";
import { BODIES, CHAINED, type FlatEntry, INSERT_COLUMNS, IS_USAGE, SCHEMA } from "./rows.ts";
import type { Link, SqlStatement, SqlStore } from "./sql.ts";
import { trim } from "./trim.ts";
import { type UsageBatchBytes, UsageReading } from "./usage-batch.ts";

const CHANGE = INSERT_COLUMNS.indexOf("change");
const AT_MS = INSERT_COLUMNS.indexOf("at_ms");

export interface FlatBatch {
  readonly entries: readonly FlatEntry[];
  readonly usageCursor: number;
  readonly escrow: LogBatch["escrow"];
}

/** The writing side of a log; makes its tables. `root` is h_0 of the audit chain. */
export class LogWriting {
  readonly #db: SqlStore;
  readonly #link: Link;
  readonly #insert: SqlStatement;
  readonly #hasChange: SqlStatement;
  readonly #remember: SqlStatement;
  readonly #indexRequests: (lastN: number) => void;
  readonly #bodies: Keeping;
  readonly #writeEscrow: ReturnType<typeof createEscrowWriting>;
  readonly #usage: UsageReading;
  #lastN = 0;
  #heads: LogHeads;

  constructor(db: SqlStore, link: Link, root: string, bodyBytesMax: number) {
    db.exec(SCHEMA);
    db.exec(ESCROW_SCHEMA);
    this.#db = db;
    this.#link = link;
    this.#insert = db.prepare(
      `INSERT INTO entry (${INSERT_COLUMNS.join(", ")}) VALUES (${INSERT_COLUMNS.map(() => "?").join(", ")})`,
    );
    this.#hasChange = db.prepare("SELECT 1 FROM entry WHERE change = ?");
    this.#remember = db.prepare(
      "INSERT INTO meta (name, value) VALUES ('usageCursor', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    this.#indexRequests = createIndexing(db);
    this.#bodies = createKeeping(db, bodyBytesMax);
    this.#writeEscrow = createEscrowWriting(db);
    this.#usage = new UsageReading(db);
    this.#heads = readHeads(db, root);
  }

  get heads(): LogHeads {
    return this.#heads;
  }

  /** One transaction. */
  append({ entries, usageCursor, escrow }: FlatBatch): LogHeads {
    const heads = this.#heads;
    const next = { ...heads, usageCursor, usageNextSeq: Math.max(heads.usageNextSeq, usageCursor + 1) };
    const firstSeq = next.usageNextSeq;
    try {
      this.#db.tx(() => {
        for (const entry of entries) this.#lastN = this.#insertEntry(entry, next) ?? this.#lastN;
        if (escrow !== undefined) this.#writeEscrow(escrow);
        if (usageCursor !== heads.usageCursor) this.#remember.run(usageCursor);
      });
    } catch (error) {
      this.#bodies.recount();
      throw error;
    }
    this.#heads = next;
    this.#usage.committed(
      firstSeq,
      entries.filter((entry) => entry[IS_USAGE] === 1),
    );
    return next;
  }

  /** To be called after an `append`, when nobody waits any more. */
  index(): void {
    this.#indexRequests(this.#lastN);
  }

  usageAfter(cursor: number, limit: number): UsageBatchBytes | undefined {
    return this.#usage.after(cursor, limit);
  }

  trim(order: TrimOrder): Trimmed {
    this.#bodies.forget(order.bodiesBeforeMs);
    this.#usage.trimmed();
    return trim(this.#db, order);
  }

  escrowLines(): string[] {
    return readEscrowLines(this.#db);
  }

  /** The number of its row; undefined when it was passed over. */
  #insertEntry(entry: FlatEntry, next: LogHeads): number | undefined {
    const change = entry[CHANGE];
    if (typeof change === "string" && this.#hasChange.get(change) !== undefined) return undefined;
    const text = entry[CHAINED];
    const [auditN, head] = typeof text === "string" ? this.#chain(text, next) : [null, null];
    const seq = entry[IS_USAGE] === 1 ? next.usageNextSeq++ : null;
    const n = Number(this.#insert.run(...entry.slice(0, CHAINED), auditN, head, seq).lastInsertRowid);
    const said = entry[BODIES];
    if (typeof said === "string") this.#bodies.keep(n, Number(entry[AT_MS]), said);
    return n;
  }

  /** The next link of the chain; moves the head. */
  #chain(text: string, next: LogHeads): [number, string] {
    next.auditN++;
    next.auditHead = this.#link(next.auditHead, text);
    return [next.auditN, next.auditHead];
  }
}

function readHeads(db: SqlStore, root: string): LogHeads {
  const last = db
    .prepare("SELECT audit_n, hash FROM entry WHERE audit_n IS NOT NULL ORDER BY audit_n DESC LIMIT 1")
    .get();
  const seq = db.prepare("SELECT seq FROM entry WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1").get();
  const anchor = db.prepare("SELECT audit_n, hash FROM anchor").get();
  const meta = (name: string) =>
    Number(db.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.value ?? 0);
  const usageCursor = meta("usageCursor");
  return {
    auditN: Number(last?.audit_n ?? anchor?.audit_n ?? 0),
    auditHead: String(last?.hash ?? anchor?.hash ?? root),
    // Never below what the control plane has: a disk that was rolled back must not give a number twice.
    usageNextSeq: Math.max(Number(seq?.seq ?? 0), meta("trimmedSeq"), usageCursor) + 1,
    usageCursor,
  };
}

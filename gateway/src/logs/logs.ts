/**
 * What a gateway writes down: the open record before the forward, the settlement after it, every applied change, and
 * refusals by count. Nothing on a request's path waits for the disk but the open record, which is one unsynced append for
 * all requests of the same turn. Settlements are committed in batches; only then is the open record marked as settled, so
 * a killed process finds at its next start what it had not written down, and says so (`basis: "crash"`).
 */
import type { Verify } from "@claviger/shared/wire/sign";
import { attemptIdOf } from "../attempt-id.ts";
import { countUp, type Metrics } from "../metrics.ts";
import type {
  AuditEntry,
  Courier,
  Log,
  LogEntry,
  LogHeads,
  LogStore,
  OpenJournal,
  RequestAudit,
} from "../ports.ts";
import type { EscrowJournal, Ledger } from "../rooms.ts";
import { type AnswerDeps, createAnswering } from "./answer.ts";
import { crashedEntry, refusedEntry, settledEntry } from "./entries.ts";
import { EscrowQueue, type RecoveredEscrow, usageAmong } from "./escrow-queue.ts";
import { OpenRecords } from "./open-records.ts";
import { Outbox } from "./outbox.ts";
import { RefusalCounts } from "./refusals.ts";

export interface LogsDeps {
  readonly store: LogStore;
  readonly journal: OpenJournal;
  readonly courier: Pick<Courier, "usage" | "answer">;
  readonly verify: Verify;
  readonly replicaId: string;
  /** What the control plane's clock shows at least; undefined before the first proof. */
  readonly nowMs: () => number | undefined;
  /** What lines are stamped with: they are let go by the control plane's time, so no wrong clock here may date them. */
  readonly stampMs: () => number;
  readonly log: Log;
  /** Where failures are counted; `createGateway`'s. */
  readonly metrics: Pick<
    Metrics,
    | "unrecorded"
    | "openRecords"
    | "journalFailures"
    | "logFailures"
    | "logEntriesDropped"
    | "usageCursorsRefused"
    | "dropped"
  >;
  /** `strict`: no request without a record. */
  readonly auditPolicy: () => "strict" | "continue";
  /** How many entries may wait in memory for the disk. */
  readonly waitingMax?: number;
  readonly tryProvider?: AnswerDeps["tryProvider"];
  readonly discover?: AnswerDeps["discover"];
  /** What escrow has on disk, and what comes of its reservations, which have no other open record. */
  readonly escrow?: RecoveredEscrow;
}

/** The rooms' ledger, and what following needs: `audit`, `query` and `usageCursor` are `FollowerEvents`. */
export interface Logs extends Ledger {
  /** Resolves when the entries are on disk; rejects when they are not, and then keeps none of them. */
  audit(entries: readonly AuditEntry[]): Promise<void>;
  query(jws: string): void;
  usageCursor(cursor: number): void;
  /** Where chain and outbox stand, as committed: for the heartbeat. */
  heads(): LogHeads;
  readonly escrow: EscrowJournal;
  /** Commits what is gathered and stops. */
  close(): Promise<void>;
}

/** How long settlements are gathered for one commit. */
const GATHER_MS = 50;
const RETRY_MS = 1000;
const COUNTS_MS = 5000;
/** About 50 MB of entries. */
const WAITING_MAX = 50_000;

/** Settles the orphans of the last process, then takes entries. */
export async function openLogs(deps: LogsDeps): Promise<Logs> {
  const heads = await deps.store.heads();
  const books = new Books(deps, heads);
  await books.recover();
  return books;
}

type Change = Exclude<AuditEntry, RequestAudit>;

class Books implements Logs {
  readonly escrow: EscrowJournal;
  readonly #deps: LogsDeps;
  readonly #counts = new RefusalCounts();
  readonly #outbox: Outbox;
  readonly #open: OpenRecords;
  readonly #answer: (jws: string) => void;
  readonly #sweeping: ReturnType<typeof setInterval>;
  readonly #waitingMax: number;
  readonly #escrow: EscrowQueue;
  #heads: LogHeads;
  #pending: LogEntry[] = [];
  /** Of those that are pending or in a commit, how many are usage. */
  #unnumbered = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #committing: Promise<void> | undefined;
  /** How many entries a commit under way has taken. */
  #inCommit = 0;
  #broken = false;
  #dropping = false;
  /** Dropped requests whose open record stands. */
  #leftOpen = 0;
  #closed = false;

  constructor(deps: LogsDeps, heads: LogHeads) {
    this.#deps = deps;
    this.#heads = heads;
    this.#waitingMax = deps.waitingMax ?? WAITING_MAX;
    this.#open = new OpenRecords(deps);
    this.#outbox = new Outbox(deps, heads.usageCursor, heads.usageNextSeq);
    this.#escrow = new EscrowQueue(deps.escrow);
    this.escrow = this.#escrow.journal({
      heads: () => this.heads(),
      unnumbered: () => this.#unnumbered,
      isBroken: () => this.#broken,
      commit: () => (this.#broken ? this.#schedule(RETRY_MS) : void this.#commit()),
    });
    this.#answer = createAnswering({ ...deps, drop: (code) => countUp(deps.metrics.dropped, code) });
    this.#sweeping = setInterval(() => this.#add(this.#counts.take(deps.stampMs())), COUNTS_MS);
  }

  /** Requests that were open when the last process ended and whose settlement never reached the disk. */
  async recover(): Promise<void> {
    this.#take(...this.#escrow.recover());
    const orphans = await this.#open.orphans();
    const ids = orphans.map(({ requestId }) => requestId);
    const known = ids.length === 0 ? new Set() : await this.#deps.store.settledAmong(ids);
    for (const orphan of orphans) {
      if (known.has(attemptIdOf(orphan))) this.#open.mark(attemptIdOf(orphan));
      else this.#take(crashedEntry(orphan));
    }
    if (this.#pending.length > 0 || this.#escrow.isWaiting) await this.#commit();
    this.#outbox.committed(this.#heads.usageNextSeq);
  }

  async open(record: Parameters<Ledger["open"]>[0]): Promise<boolean> {
    const strict = this.#deps.auditPolicy() === "strict";
    if (strict && (this.#broken || this.#room() <= 0)) return false;
    const recorded = await this.#open.add(record);
    if (!recorded && !strict) this.#deps.metrics.unrecorded++;
    return recorded || !strict;
  }

  withdraw(attemptId: string): void {
    this.#open.mark(attemptId);
  }

  settle(settlement: Parameters<Ledger["settle"]>[0]): void {
    this.#add([settledEntry(settlement, this.#pending.length + this.#inCommit)]);
  }

  refused(...[facts, key, code, status]: Parameters<Ledger["refused"]>): void {
    if (this.#counts.add(key.id, code, facts.atMs)) this.#add([refusedEntry(facts, key, code, status)]);
  }

  async audit(entries: readonly AuditEntry[]): Promise<void> {
    const atMs = this.#deps.stampMs();
    const mine = entries.map((audit): LogEntry => {
      if (audit.kind === "request") throw new Error("requests are audited by their settlement");
      return { kind: "change", atMs, audit: audit satisfies Change };
    });
    this.#pending.push(...mine);
    await this.#flush();
    const left = this.#pending.filter((entry) => !mine.includes(entry));
    if (left.length === this.#pending.length) return;
    // Whoever asked will ask again: kept here too, they would gather with every failure.
    this.#pending = left;
    throw new Error("the local log could not take the changes");
  }

  query(jws: string): void {
    this.#answer(jws);
  }

  usageCursor(cursor: number): void {
    this.#outbox.acknowledged(cursor);
  }

  heads(): LogHeads {
    return { ...this.#heads, usageCursor: this.#outbox.cursor };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    this.#take(...this.#counts.take(0, true));
    await this.#flush();
    // Else the next start offers again what PostgreSQL has.
    if (this.#outbox.cursor !== this.#heads.usageCursor) await this.#commit();
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#outbox.close();
    await this.#deps.journal.close();
    await this.#deps.store.close();
  }

  #add(entries: readonly LogEntry[]): void {
    if (entries.length === 0 || this.#closed) return;
    const strict = this.#deps.auditPolicy() === "strict";
    for (const entry of entries) {
      // Under `strict` what waits is bounded by what was admitted before the disk failed; so is what was reserved.
      const mustStay = entry.kind === "settled" && (strict || entry.spent?.charges !== undefined);
      if (this.#room() > 0 || mustStay) this.#take(entry);
      else this.#drop(entry);
    }
    this.#schedule(GATHER_MS);
  }

  #take(...entries: LogEntry[]): void {
    this.#pending.push(...entries);
    this.#unnumbered += usageAmong(entries);
  }

  #room(): number {
    return this.#waitingMax - this.#pending.length - this.#inCommit;
  }

  /**
   * A request's open record stays, for as many as may wait: the next start settles them as such whose usage is not known.
   * Those beyond leave nothing but the count.
   */
  #drop(entry: LogEntry): void {
    this.#deps.metrics.logEntriesDropped++;
    if (entry.kind === "settled" && ++this.#leftOpen > this.#waitingMax) {
      this.#open.mark(attemptIdOf(entry.log));
    }
    if (this.#dropping) return;
    this.#dropping = true;
    this.#deps.log.error(
      { waiting: this.#pending.length },
      "the local log takes nothing: entries are dropped",
    );
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#committing !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#commit();
    }, delayMs);
  }

  /** Commits until nothing that was there at the call is pending; gives up after a failure, which is retried later. */
  async #flush(): Promise<void> {
    if (this.#committing !== undefined) await this.#committing;
    // One that began meanwhile has taken everything that was pending.
    await this.#commit();
  }

  #commit(): Promise<void> {
    this.#committing ??= this.#commitPending().finally(() => {
      this.#committing = undefined;
      if (this.#closed) return;
      if (this.#escrow.isWaiting && !this.#broken) void this.#commit();
      else if (this.#pending.length > 0 || this.#escrow.isWaiting) {
        this.#schedule(this.#broken ? RETRY_MS : GATHER_MS);
      }
    });
    return this.#committing;
  }

  async #commitPending(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const entries = this.#pending;
    this.#pending = [];
    this.#inCommit = entries.length;
    const escrow = this.#escrow.take();
    try {
      this.#heads = await this.#deps.store.append({ entries, usageCursor: this.#outbox.cursor, ...escrow });
      this.#unnumbered -= usageAmong(entries);
      this.#broken = false;
      this.#dropping = false;
    } catch (error) {
      this.#broken = true;
      this.#deps.metrics.logFailures++;
      this.#deps.log.error({ err: error, entries: entries.length }, "local log could not be written");
      this.#pending = [...entries, ...this.#pending];
      this.#escrow.ended(false);
      return;
    } finally {
      this.#inCommit = 0;
    }
    for (const entry of entries) {
      // What was reserved has its open record among escrow's.
      if (entry.kind === "settled" && entry.spent?.charges === undefined)
        this.#open.mark(attemptIdOf(entry.log));
    }
    this.#outbox.committed(this.#heads.usageNextSeq);
    this.#escrow.ended(true);
  }
}

/**
 * Escrow's records on their way to the disk. The bargain: they go in their order, in the same commits as settlements, so
 * that a settlement, its usage event and its link of the audit chain are on disk together or not at all.
 */
import type { JournalRecord } from "@claviger/shared/escrow/held";
import { lineOf } from "@claviger/shared/escrow/journal-line";
import { numberOf } from "@claviger/shared/escrow/outbox";
import type { LogBatch, LogEntry, LogHeads } from "../ports.ts";
import type { EscrowJournal } from "../rooms.ts";

type Owner = Parameters<EscrowJournal["attach"]>[0];

interface Waiting {
  readonly n: number;
  readonly record: JournalRecord;
}

export interface RecoveredEscrow {
  /** Lines of its journal. */
  readonly lines: number;
  readonly records: readonly Waiting[];
  /** One for each reservation, numbered from the first free number on. */
  readonly entries: readonly LogEntry[];
}

/** What the journal asks of the log. */
interface Host {
  heads(): LogHeads;
  /** How many usage events wait for their number. */
  unnumbered(): number;
  /** The last commit failed. */
  isBroken(): boolean;
  commit(): void;
}

/** Beyond these nobody with a budget is served: so many records wait for the disk, so much usage for PostgreSQL. */
const WAITING_MAX = 20_000;
const UNTAKEN_MAX = 1_000_000;
/** A journal that is longer, and twice as long as when it was written anew, is written anew, as short as it can be. */
const LINES_MAX = 20_000;

export class EscrowQueue {
  #waiting: Waiting[] = [];
  #inCommit: readonly Waiting[] = [];
  #owner: Owner | undefined;
  /** On disk: lines, and the number of the last record. */
  #lines: number;
  #linesAfter = 0;
  /** Lines after it was written anew: it may be no shorter than that. */
  #linesAnew = 0;
  #isAnew = false;
  #durableN = 0;

  readonly #recovered: RecoveredEscrow | undefined;

  constructor(recovered: RecoveredEscrow | undefined) {
    this.#recovered = recovered;
    this.#lines = recovered?.lines ?? 0;
  }

  /** What the last process left goes with the first commit, together with these entries. */
  recover(): readonly LogEntry[] {
    const { records = [], entries = [] } = this.#recovered ?? {};
    this.#waiting.push(...records);
    return entries;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  journal(host: Host): EscrowJournal {
    return {
      write: (n, record) => {
        this.#waiting.push({ n, record });
        // What else is reserved before the commit begins goes with it.
        queueMicrotask(() => {
          if (this.#waiting.length > 0) host.commit();
        });
      },
      nextSeq() {
        const { usageNextSeq, usageCursor } = host.heads();
        return numberOf({ durableSeq: usageNextSeq, cursor: usageCursor }, host.unnumbered());
      },
      durableSeq: () => host.heads().usageNextSeq - 1,
      isFull: () => {
        const { usageNextSeq, usageCursor } = host.heads();
        const waiting = this.#waiting.length + this.#inCommit.length;
        return host.isBroken() || waiting > WAITING_MAX || usageNextSeq - usageCursor > UNTAKEN_MAX;
      },
      attach: (owner) => {
        this.#owner = owner;
        if (this.#durableN > 0) owner.persisted(this.#durableN);
      },
    };
  }

  /** What goes with the commit that begins now; `ended` has to follow. */
  take(): Pick<LogBatch, "escrow"> {
    if (this.#waiting.length === 0) return {};
    this.#inCommit = this.#waiting;
    this.#waiting = [];
    const isLong = this.#lines + this.#inCommit.length > Math.max(LINES_MAX, 2 * this.#linesAnew);
    const short = isLong ? this.#owner?.compacted() : undefined;
    const lines = (short ?? this.#inCommit.map(({ record }) => record)).map(lineOf);
    this.#linesAfter = short === undefined ? this.#lines + lines.length : lines.length;
    this.#isAnew = short !== undefined;
    return { escrow: { lines, anew: this.#isAnew } };
  }

  /** The commit has ended; what it did not write goes with the next one. */
  ended(written: boolean): void {
    const taken = this.#inCommit;
    this.#inCommit = [];
    if (!written) {
      this.#waiting = [...taken, ...this.#waiting];
      return;
    }
    const last = taken.at(-1);
    if (last === undefined) return;
    this.#lines = this.#linesAfter;
    if (this.#isAnew) this.#linesAnew = this.#lines;
    this.#durableN = last.n;
    this.#owner?.persisted(last.n);
  }
}

/** How many of them get a number in the outbox. */
export function usageAmong(entries: readonly LogEntry[]): number {
  return entries.reduce((n, { kind }) => (kind === "settled" || kind === "count" ? n + 1 : n), 0);
}

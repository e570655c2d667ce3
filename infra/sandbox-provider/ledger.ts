/** One line per answer that the provider bills, the newest last. Times are ISO 8601, `nanos` is in nano-dollars. */
export interface LedgerEntry {
  readonly requestId: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly nanos: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly aborted: boolean;
  /** As the request was steered. */
  readonly mark?: string;
}

const ENTRIES_MAX = 500_000;

export interface Ledger {
  add(entry: LedgerEntry): void;
  /** Entries of requests that started at `sinceMs` or later, only those of `requestId` when it is given. */
  list(sinceMs: number, requestId?: string): LedgerEntry[];
}

/** A ledger in memory that keeps the last 500 000 entries. */
export function createLedger(): Ledger {
  let entries: LedgerEntry[] = [];
  return {
    add(entry) {
      entries.push(entry);
      if (entries.length > ENTRIES_MAX * 1.1) entries = entries.slice(-ENTRIES_MAX);
    },
    list(sinceMs, requestId) {
      return entries.filter(
        (entry) =>
          Date.parse(entry.startedAt) >= sinceMs &&
          (requestId === undefined || entry.requestId === requestId),
      );
    },
  };
}

/**
 * Usage on its way to the control plane. What was committed last is what is offered next, so the newest entries are kept at
 * hand: reading rows back and writing them anew cost more than storing them. Whatever is not at hand is read.
 */

import { type FlatEntry, USAGE_COLUMNS, type UsageRow, usageEvent, usageRow } from "./rows.ts";
import type { SqlStatement, SqlStore } from "./sql.ts";

/** Entries that are kept at hand: a few batches. */
const RECENT_MAX = 2_000;
/** Couriers carry a message of 1 MB; an event alone is far below this. */
const BATCH_BYTES_MAX = 700_000;
const MESSAGE_BYTES_MAX = 1_000_000;

export interface UsageBatchBytes {
  /** Of a `UsageBatch`. */
  readonly body: Uint8Array;
  readonly lastSeq: number;
}

export class UsageReading {
  readonly #after: SqlStatement;
  readonly #message = new Uint8Array(MESSAGE_BYTES_MAX);
  readonly #encoder = new TextEncoder();
  /** Gapless, oldest first; the first has the number `#firstSeq`. */
  #recent: FlatEntry[] = [];
  #firstSeq = 0;

  constructor(db: SqlStore) {
    this.#after = db.prepare(
      `SELECT ${USAGE_COLUMNS.join(", ")} FROM entry WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
  }

  /** Entries of a transaction that stands, with numbers from `firstSeq` on, in order. */
  committed(firstSeq: number, entries: readonly FlatEntry[]): void {
    if (entries.length === 0) return;
    if (firstSeq !== this.#firstSeq + this.#recent.length) this.#recent = [];
    if (this.#recent.length === 0) this.#firstSeq = firstSeq;
    this.#recent.push(...entries);
    this.#forget(this.#recent.length - RECENT_MAX);
  }

  /** Rows may have gone: what is offered from now on is what is left. */
  trimmed(): void {
    this.#firstSeq += this.#recent.length;
    this.#recent = [];
  }

  /** The events after `cursor`, at most `limit`, and no more than a courier carries; undefined: none. */
  after(cursor: number, limit: number): UsageBatchBytes | undefined {
    const rows = this.#rowsAfter(cursor, limit);
    const [first] = rows;
    if (first === undefined) return undefined;
    let at = this.#write('{"v":1,"events":[', 0);
    let lastSeq = 0;
    for (const row of rows) {
      const event = JSON.stringify(usageEvent(row));
      const end = this.#write(lastSeq === 0 ? event : `,${event}`, at);
      if (lastSeq !== 0 && end > BATCH_BYTES_MAX) break;
      if (end >= MESSAGE_BYTES_MAX) throw new Error("a usage event is larger than a message of a courier");
      at = end;
      lastSeq = Number(row.seq);
    }
    // Only what was acknowledged ever goes, so a hole is older than the cursor that there once was.
    const before = Number(first.seq) - 1;
    at = this.#write(before > cursor ? `],"goneUpTo":${before}}` : "]}", at);
    return { body: this.#message.slice(0, at), lastSeq };
  }

  #rowsAfter(cursor: number, limit: number): readonly UsageRow[] {
    const from = cursor + 1 - this.#firstSeq;
    if (from < 0 || from >= this.#recent.length) {
      return this.#after.all(cursor, limit) as unknown as UsageRow[];
    }
    // What comes before was taken; should it be asked for again, it is read.
    this.#forget(from);
    return this.#recent.slice(0, limit).map((entry, n) => usageRow(entry, this.#firstSeq + n));
  }

  #forget(count: number): void {
    if (count <= 0) return;
    this.#recent.splice(0, count);
    this.#firstSeq += count;
  }

  /** Where the text ends in the message. */
  #write(text: string, at: number): number {
    const { read, written } = this.#encoder.encodeInto(text, this.#message.subarray(at));
    // One that did not fit ends beyond every limit.
    return read < text.length ? MESSAGE_BYTES_MAX : at + written;
  }
}

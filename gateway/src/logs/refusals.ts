/**
 * Refusals of known keys, counted per key, code and minute; the first few of each also leave a line in the log, so that
 * somebody can see what happened. A flood of refusals costs memory for a counter and no disk. A killed process forgets
 * the counts of the running minute.
 */
import type { LogEntry } from "../ports.ts";

const MINUTE_MS = 60_000;
const SAMPLES_PER_MINUTE = 5;

interface Count {
  readonly keyId: string;
  readonly code: string;
  readonly minuteMs: number;
  n: number;
}

export class RefusalCounts {
  readonly #counts = new Map<string, Count>();

  /** Counts one; true when it should leave a line as well. */
  add(keyId: string, code: string, atMs: number): boolean {
    const minuteMs = atMs - (atMs % MINUTE_MS);
    const name = `${keyId} ${code} ${minuteMs}`;
    const count = this.#counts.get(name);
    if (count === undefined) this.#counts.set(name, { keyId, code, minuteMs, n: 1 });
    else count.n++;
    return (count?.n ?? 1) <= SAMPLES_PER_MINUTE;
  }

  /** Takes the counts of minutes that are over, or of all. */
  take(nowMs: number, all = false): LogEntry[] {
    const taken: LogEntry[] = [];
    for (const [name, count] of this.#counts) {
      if (!all && count.minuteMs + MINUTE_MS > nowMs) continue;
      this.#counts.delete(name);
      taken.push({ kind: "count", usage: { kind: "refused", ...count } });
    }
    return taken;
  }
}

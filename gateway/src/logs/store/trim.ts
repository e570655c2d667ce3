/**
 * Lets the oldest rows go. The chain that is left begins at an anchor, the last link that went, and still verifies from
 * there; numbers of rows, links and events go on as if everything was there.
 */
import type { Trimmed, TrimOrder } from "../../ports.ts";
import { forgetRequests } from "./requests.ts";
import type { SqlStore } from "./sql.ts";

interface OldRow {
  readonly n: number;
  readonly at_ms: number;
  readonly audit_n: number | null;
  readonly hash: string | null;
  readonly seq: number | null;
}

/** One transaction on at most `rowsMax` rows, so that commits come in between. */
export function trim(db: SqlStore, order: TrimOrder): Trimmed {
  const { deletableBeforeMs, wantedBeforeMs, bytesMax, usageCursor, rowsMax } = order;
  const beforeMs =
    db.usedBytes() > bytesMax ? deletableBeforeMs : Math.min(deletableBeforeMs, wantedBeforeMs);
  // The newest row stays, so that row numbers are never given again.
  const oldest = db
    .prepare(
      `SELECT n, at_ms, audit_n, hash, seq FROM entry WHERE n < (SELECT max(n) FROM entry) ORDER BY n LIMIT ?`,
    )
    .all(rowsMax) as unknown as OldRow[];
  const kept = oldest.findIndex(({ at_ms, seq }) => at_ms >= beforeMs || (seq ?? 0) > usageCursor);
  const gone = kept === -1 ? oldest : oldest.slice(0, kept);
  if (gone.length > 0) remove(db, gone);
  return { rows: gone.length, bytes: db.usedBytes(), more: gone.length === rowsMax };
}

function remove(db: SqlStore, gone: readonly OldRow[]): void {
  const link = gone.findLast(({ audit_n }) => audit_n !== null);
  const event = gone.findLast(({ seq }) => seq !== null);
  db.tx(() => {
    const lastN = gone.at(-1)?.n ?? 0;
    forgetRequests(db, lastN);
    db.prepare("DELETE FROM body WHERE n <= ?").run(lastN);
    db.prepare("DELETE FROM entry WHERE n <= ?").run(lastN);
    if (link !== undefined) {
      db.prepare("INSERT OR REPLACE INTO anchor (one, audit_n, hash) VALUES (1, ?, ?)").run(
        link.audit_n,
        link.hash,
      );
    }
    if (event !== undefined) {
      db.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('trimmedSeq', ?)").run(event.seq);
    }
  });
}

/** Walks the audit chain of a local log: every link from the anchor on must follow from the one before it. */
import { auditText, linkText } from "../chain.ts";
import { auditRow, type Row } from "./rows.ts";
import type { Link, SqlStore } from "./sql.ts";

export interface Walk {
  /** Where the chain begins: 0, or the last link that retention let go. */
  readonly anchorN: number;
  /** The last link that holds. */
  readonly lastN: number;
  readonly lastHash: string;
  /** Number of the first link that does not follow; undefined when all do. */
  readonly brokenN: number | undefined;
  /** Links that were asked for, as they stand. */
  readonly hashes: ReadonlyMap<number, string>;
}

/** `root` is h_0 of the replica (`chainRoot`); the hashes of the links in `wanted` are told. Reads one state of the log. */
export function walkChain(db: SqlStore, link: Link, root: string, wanted: readonly number[] = []): Walk {
  // One snapshot for the anchor and the links after it.
  return db.view(() => {
    const anchor = db.prepare("SELECT audit_n, hash FROM anchor").get();
    const anchorN = Number(anchor?.audit_n ?? 0);
    let n = anchorN;
    let head = String(anchor?.hash ?? root);
    const hashes = new Map<number, string>(wanted.includes(n) ? [[n, head]] : []);
    const rows = db.prepare("SELECT * FROM entry WHERE audit_n IS NOT NULL ORDER BY audit_n").iterate();
    for (const each of rows as unknown as Iterable<Row>) {
      const follows = hashOf(each, head, link);
      const said = { n: each.audit_n ?? 0, hash: each.hash ?? "" };
      if (said.n !== n + 1 || said.hash !== follows) {
        return { anchorN, lastN: n, lastHash: head, brokenN: said.n, hashes };
      }
      n++;
      head = said.hash;
      if (wanted.includes(n)) hashes.set(n, head);
    }
    return { anchorN, lastN: n, lastHash: head, brokenN: undefined, hashes };
  });
}

/** Undefined for a row that cannot be read any more. */
function hashOf(row: Row, before: string, link: Link): string | undefined {
  try {
    const { atMs, entry } = auditRow(row);
    return link(before, linkText(atMs, auditText(entry)));
  } catch {
    return undefined;
  }
}

/** Walks the audit chain of a local log: every link from the anchor on must follow from the one before it. */
import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { auditText, linkText } from "../../logs/chain.ts";
import { auditRow, type Row } from "./log-store-rows.ts";

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
export function walkChain(db: DatabaseSync, root: string, wanted: readonly number[] = []): Walk {
  // One snapshot for the anchor and the links after it.
  db.exec("BEGIN");
  try {
    const anchor = db.prepare("SELECT audit_n, hash FROM anchor").get();
    const anchorN = Number(anchor?.audit_n ?? 0);
    let n = anchorN;
    let head = String(anchor?.hash ?? root);
    const hashes = new Map<number, string>(wanted.includes(n) ? [[n, head]] : []);
    const rows = db.prepare("SELECT * FROM entry WHERE audit_n IS NOT NULL ORDER BY audit_n").iterate();
    for (const each of rows as unknown as Iterable<Row>) {
      const link = hashOf(each, head);
      const said = { n: each.audit_n ?? 0, hash: each.hash ?? "" };
      if (said.n !== n + 1 || said.hash !== link) {
        return { anchorN, lastN: n, lastHash: head, brokenN: said.n, hashes };
      }
      n++;
      head = said.hash;
      if (wanted.includes(n)) hashes.set(n, head);
    }
    return { anchorN, lastN: n, lastHash: head, brokenN: undefined, hashes };
  } finally {
    db.exec("COMMIT");
  }
}

/** Undefined for a row that cannot be read any more. */
function hashOf(row: Row, before: string): string | undefined {
  try {
    const { atMs, entry } = auditRow(row);
    const text = Buffer.from(linkText(atMs, auditText(entry)));
    return hash("sha256", Buffer.concat([Buffer.from(before, "base64url"), text]), "base64url");
  } catch {
    return undefined;
  }
}

/**
 * The audit chain: `h_n = SHA-256(h_{n−1} ‖ entry_n)`, where entry_n is the UTF-8 text of `auditText`. It shows edits,
 * deletions and truncation older than the last head that the control plane has seen in a heartbeat.
 */
import { fromBase64Url, toBase64Url } from "@claviger/shared/wire/chain";
import type { AuditRow } from "@claviger/shared/wire/query";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import type { AuditEntry } from "../ports.ts";

/** The exact text that is chained: members in the order of the wire schema, whatever order they came in. */
export function auditText(entry: AuditEntry): string {
  switch (entry.kind) {
    case "change": {
      const { kind, epoch, rev, action, actor, reason, ids } = entry;
      const by = { kind: actor.kind, id: actor.id, name: actor.name };
      return JSON.stringify({ kind, epoch, rev, action, actor: by, reason, ids });
    }
    case "snapshot": {
      const { kind, epoch, fromRev, toRev } = entry;
      return JSON.stringify({ kind, epoch, fromRev, toRev });
    }
    case "request": {
      const { kind, requestId, keyId, generation, model, provider, status, code } = entry;
      return JSON.stringify({ kind, requestId, keyId, generation, model, provider, status, code });
    }
  }
}

/** The number of the first row that does not follow from the one before it; undefined when all do. Oldest first. */
export async function firstBrokenLink(
  rows: Iterable<AuditRow>,
  before: { n: number; hash: string } = { n: 0, hash: GENESIS_CHAIN },
): Promise<number | undefined> {
  let { n, hash } = before;
  const encoder = new TextEncoder();
  for (const row of rows) {
    const text = encoder.encode(auditText(row.entry));
    const joined = new Uint8Array(32 + text.length);
    joined.set(fromBase64Url(hash));
    joined.set(text, 32);
    hash = toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", joined)));
    n++;
    if (row.n !== n || row.hash !== hash) return row.n;
  }
  return undefined;
}

/**
 * The audit chain: `h_n = SHA-256(h_{n−1} ‖ link_n)`, where link_n is the UTF-8 text of `linkText`, the entry with its time,
 * and h_0 is made of the replica's id: no replica's chain can pass for another's. It shows edits,
 * deletions and truncation older than the last head that the control plane has seen in a heartbeat.
 */
import { fromBase64Url, toBase64Url } from "@claviger/shared/wire/chain";
import type { AuditRow, McpCall } from "@claviger/shared/wire/query";
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
      const { kind, requestId, keyId, generation, model, provider, status, code, mcp } = entry;
      const request = { kind, requestId, keyId, generation, model, provider, status, code };
      // Requests to models are chained as they were before there were any others.
      return JSON.stringify(mcp === undefined ? request : { ...request, mcp: callText(mcp) });
    }
  }
}

function callText({ serverId, server, method, name, outcome, epoch, rev }: McpCall): McpCall {
  return { serverId, server, method, ...(name === undefined ? {} : { name }), outcome, epoch, rev };
}

/** What one link covers: when, in milliseconds, and what. */
export function linkText(atMs: number, text: string): string {
  return `${atMs}\n${text}`;
}

/** h_0 of a replica, base64url. */
export async function chainRoot(replicaId: string): Promise<string> {
  const bytes = new TextEncoder().encode(`clv-audit/v1\0${replicaId}`);
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** The number of the first row that does not follow from the one before it; undefined when all do. Oldest first. */
export async function firstBrokenLink(
  rows: Iterable<AuditRow>,
  before: { n: number; hash: string },
): Promise<number | undefined> {
  let { n, hash } = before;
  const encoder = new TextEncoder();
  for (const row of rows) {
    const text = encoder.encode(linkText(row.atMs, auditText(row.entry)));
    const joined = new Uint8Array(32 + text.length);
    joined.set(fromBase64Url(hash));
    joined.set(text, 32);
    hash = toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", joined)));
    n++;
    if (row.n !== n || row.hash !== hash) return row.n;
  }
  return undefined;
}

/**
 * Ids of questions, which any process can tell from made-up ones: who answers is a replica, and its word alone must not
 * make all processes listen. An id is the moment until which an answer counts, wrapped for the replica that is asked.
 */
import { fromBase64Url, toBase64Url } from "@claviger/shared/wire/chain";
import type { Ports } from "../ports.ts";

/** An answer that comes later finds nobody who waits, and the question is no longer answered; in milliseconds. */
const ANSWERABLE_MS = 15_000;

type IdPorts = Pick<Ports, "vault" | "clock">;

/** A new id for a question to this replica (48 characters at most, of `A-Za-z0-9_-`), and until when it is one. */
export async function issueQueryId(
  ports: IdPorts,
  replicaId: string,
): Promise<{ id: string; untilMs: number }> {
  const untilSeconds = Math.ceil((ports.clock.nowMs() + ANSWERABLE_MS) / 1000);
  const until = new Uint8Array(6);
  new DataView(until.buffer).setUint32(2, untilSeconds);
  const id = toBase64Url(await ports.vault.wrap(until, contextOf(replicaId)));
  return { id, untilMs: untilSeconds * 1000 };
}

/** Until when (ms) this replica may answer it; undefined when that is past, or nobody asked it so. */
export async function answerableUntil(
  ports: IdPorts,
  replicaId: string,
  id: string,
): Promise<number | undefined> {
  const until = await unwrap(ports, replicaId, id);
  if (until?.length !== 6) return undefined;
  const untilMs = new DataView(until.buffer, until.byteOffset).getUint32(2) * 1000;
  return untilMs > ports.clock.nowMs() ? untilMs : undefined;
}

async function unwrap(ports: IdPorts, replicaId: string, id: string): Promise<Uint8Array | undefined> {
  try {
    return await ports.vault.unwrap(fromBase64Url(id), contextOf(replicaId));
  } catch {
    // Not an id of ours; there is no other reason to tell it from.
    return undefined;
  }
}

function contextOf(replicaId: string): string {
  return `query|${replicaId}`;
}

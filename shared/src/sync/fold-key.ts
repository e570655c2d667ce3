/** What a replica holds of a key after another record of it has come: (generation, status) never moves down (I3). */
import type { KeyHash, KeyRecord } from "../wire/record.ts";

/** Terminal states of one generation rank above those that may still change. */
function rank(status: KeyRecord["status"]): number {
  if (status === "deleted") return 2;
  return status === "revoked" ? 1 : 0;
}

/** Revoked or deleted: terminal inside its generation. */
export function isDead(record: KeyRecord): boolean {
  return rank(record.status) > 0;
}

/**
 * What a replica holds of a key after `incoming`. Inside one generation the terminal status stays, whatever comes
 * later. A record of an earlier generation can only come from a history that lost a rotation: it gives nothing, and
 * it closes the key until the control plane has caught up, because a secret that the control plane does not know is
 * one that it cannot revoke. Its own secrets are known from then on, or whoever has one would be told it is nobody's.
 */
export function foldKey(held: KeyRecord | undefined, incoming: KeyRecord): KeyRecord {
  if (held === undefined || incoming.generation > held.generation) return incoming;
  if (incoming.generation < held.generation) {
    const status = rank(incoming.status) > rank(held.status) ? incoming.status : held.status;
    return { ...held, hashes: withHashes(held, incoming), status: status === "active" ? "inactive" : status };
  }
  return rank(held.status) > rank(incoming.status) ? { ...incoming, status: held.status } : incoming;
}

/** What a record holds at most (`wire/record.ts`). */
const HASHES_MAX = 64;

function withHashes(held: KeyRecord, incoming: KeyRecord): KeyHash[] {
  const known = new Set(held.hashes.map(({ hash }) => hash));
  const others = incoming.hashes.filter(({ hash }) => !known.has(hash));
  return [...held.hashes, ...others].slice(-HASHES_MAX);
}

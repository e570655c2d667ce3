/**
 * After a restore with loss: keys that gateways know to be dead are dead again in PostgreSQL, as an ordinary restrictive
 * change with its own barrier. The bargain: a replica is believed because it is authenticated, and what it says can only
 * take away. So the worst that a lying one can do is to end keys of its own organization; no hash of its is ever stored.
 */
import type { Tomb } from "@claviger/shared/wire/heartbeat";
import type { Change, KeyHash, KeyRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";
import { journaled, type Tx } from "./journal.ts";

const ACTOR = { kind: "system", id: "system", name: "gateways' tombstones" } as const;

/** Records are ≤ 64 KiB and a delta ≤ 256 KiB; what does not fit comes with the next heartbeat. */
const BYTES_MAX = 200_000;

/** Ends what is still alive of the named keys. Does nothing, and takes no revision, when all of it is dead already. */
export async function takeBack(ports: Ports, orgId: string, tombs: readonly Tomb[]): Promise<void> {
  const { operationId } = await journaled(ports, orgId, async (tx) => {
    const changes = await endings(tx, orgId, tombs);
    if (changes.length === 0) return { value: null, entry: null };
    const entry = {
      actor: ACTOR,
      action: "api-key.tombstone",
      effect: "restrictive",
      reason: "The database lost a confirmed change that a gateway remembers.",
      inflight: "abort",
      changes,
      keys: changes.map(({ id }) => id),
    } as const;
    return { value: null, entry };
  });
  if (operationId !== null)
    ports.log.error({ alarm: "tombstones", org: orgId, operationId }, "keys were ended again");
}

async function endings(tx: Tx, orgId: string, tombs: readonly Tomb[]): Promise<Change[]> {
  const rows = await tx.execute<{ record: KeyRecord }>(sql`
    select record from org_record
    where org_id = ${orgId} and kind in ('key', 'agent')
      and id in (select jsonb_array_elements_text(${JSON.stringify(tombs.map(({ id }) => id))}::jsonb))
    order by id`);
  const changes: Change[] = [];
  let bytes = 0;
  for (const { record: before } of rows) {
    const record = tombs.filter(({ id }) => id === before.id).reduce(ended, before);
    if (record === before) continue;
    bytes += JSON.stringify(record).length;
    if (bytes > BYTES_MAX && changes.length > 0) break;
    await writeKey(tx, orgId, record);
    changes.push({ op: "put", kind: record.kind === "key" ? "key" : "agent", id: record.id, record });
  }
  return changes;
}

/** The record with what the tomb takes away; the same object when it takes nothing. */
function ended(record: KeyRecord, tomb: Tomb): KeyRecord {
  if (tomb.generation < record.generation) return record;
  const unknown = tomb.generation > record.generation;
  const dead = tomb.status === "deleted" || record.status === "deleted" ? "deleted" : "revoked";
  const moves = rank(dead) > rank(record.status) && (unknown || tomb.status !== "inactive");
  if (!unknown && !moves) return record;
  // Of an unknown generation every secret that is known here was replaced, so none of them may come back with it.
  const end = (hash: KeyHash): KeyHash =>
    unknown || hash.notAfterMs !== null ? { ...hash, notAfterMs: 0 } : hash;
  return { ...record, generation: tomb.generation, status: dead, hashes: record.hashes.map(end) };
}

function rank(status: KeyRecord["status"]): number {
  if (status === "deleted") return 2;
  return status === "revoked" ? 1 : 0;
}

/** The revision is that of the entry which this transaction will append. */
async function writeKey(tx: Tx, orgId: string, record: KeyRecord): Promise<void> {
  const { id, kind, status, generation } = record;
  // What gateways hold of an agent are no hashes: its secrets end here, and the next one is made by rotating it.
  const hashes = kind === "key" ? record.hashes : [];
  const revision = sql`(select epoch || '.' || (rev + 1) from org_head where org_id = ${orgId})`;
  await tx.execute(sql`
    update api_key set status = ${status}, generation = ${generation}, hashes = ${JSON.stringify(hashes)}::jsonb,
      revision = ${revision}, status_revision = ${revision}
    where org_id = ${orgId} and id = ${id}`);
}

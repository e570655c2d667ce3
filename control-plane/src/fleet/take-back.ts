/**
 * After a restore with loss: keys and tokens that gateways know to be dead are dead again in PostgreSQL, as an ordinary
 * restrictive change with its own barrier. The bargain: a replica is believed because it is authenticated, and what it
 * says can only take away. So the worst that a lying one can do is to end keys and tokens of its own organization; no hash
 * of its is ever stored, and of tokens that nobody here knows only so many are taken.
 */
import { TOKEN_SECONDS_MAX } from "@claviger/shared/api/ephemeral-token";
import type { KeyTomb, TokenTomb, Tomb } from "@claviger/shared/wire/heartbeat";
import type { Change, KeyHash, KeyRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";
import { journaled, type Tx } from "./journal.ts";

const ACTOR = { kind: "system", id: "system", name: "gateways' tombstones" } as const;

/** Records are ≤ 64 KiB and a delta ≤ 256 KiB; what does not fit comes with the next heartbeat. */
const BYTES_MAX = 200_000;
/** Denials of one organization that stand at once, counted before more are taken from gateways. */
const DENIALS_MAX = 10_000;
/** No token lives longer, in milliseconds; its gateway's word for the end is not believed further. */
const TOKEN_MS_MAX = TOKEN_SECONDS_MAX * 1_000 + 10_000;

/** Ends what is still alive of the named keys and tokens. Does nothing, and takes no revision, when all of it is dead already. */
export async function takeBack(ports: Ports, orgId: string, tombs: readonly Tomb[]): Promise<void> {
  const { operationId } = await journaled(ports, orgId, async (tx) => {
    const keys = await endings(tx, orgId, tombs.filter(isOfKey));
    // One change has one reason: tokens come with the next heartbeat when keys have to end.
    const denied = keys.length > 0 ? [] : await denials(tx, ports, orgId, tombs.filter(isOfToken));
    const changes: Change[] = [...keys, ...denied];
    if (changes.length === 0) return { value: null, entry: null };
    const entry = {
      actor: ACTOR,
      action: keys.length > 0 ? "api-key.tombstone" : "ephemeral-token.tombstone",
      effect: "restrictive",
      reason: "The database lost a confirmed change that a gateway remembers.",
      inflight: "abort",
      changes,
      keys: [...keys.map(({ id }) => id), ...new Set(denied.map(({ record }) => record.keyId))],
    } as const;
    return { value: null, entry };
  });
  if (operationId !== null)
    ports.log.error({ alarm: "tombstones", org: orgId, operationId }, "keys or tokens were ended again");
}

const isOfKey = (tomb: Tomb): tomb is KeyTomb => tomb.status !== "denied";
const isOfToken = (tomb: Tomb): tomb is TokenTomb => tomb.status === "denied";

type Denial = Extract<Change, { op: "put"; kind: "deny_jti" }>;

/** Of living parents, not over yet, and not denied here. Also a token that this database has lost: its signature is good. */
async function denials(tx: Tx, ports: Ports, orgId: string, tombs: readonly TokenTomb[]): Promise<Denial[]> {
  const nowMs = ports.clock.nowMs();
  const asked = tombs.filter(({ expiresAtMs }) => nowMs < expiresAtMs && expiresAtMs <= nowMs + TOKEN_MS_MAX);
  if (asked.length === 0) return [];
  const rows = await tx.execute<{ id: string; key_id: string; expires_ms: string }>(sql`
    select distinct on (tomb.id) tomb.id, tomb."keyId" as key_id, tomb."expiresAtMs" as expires_ms
    from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as tomb(id text, "keyId" text, "expiresAtMs" bigint)
    join org_record parent on parent.org_id = ${orgId} and parent.id = tomb."keyId"
      and parent.kind in ('key', 'agent') and parent.record->>'status' not in ('revoked', 'deleted')
    where not exists (
        select from org_record denied where denied.org_id = ${orgId} and denied.kind = 'deny_jti' and denied.id = tomb.id)
      and (select count(*) from org_record where org_id = ${orgId} and kind = 'deny_jti') < ${DENIALS_MAX}
    order by tomb.id`);
  const ids = JSON.stringify(rows.map(({ id }) => id));
  await tx.execute(sql`
    update ephemeral_token set revoked_revision = ${revisionOf(orgId)}
    where org_id = ${orgId} and revoked_revision is null and id in (select jsonb_array_elements_text(${ids}::jsonb))`);
  return rows.map(({ id, key_id: keyId, expires_ms }) => {
    const record = { id, keyId, expiresAtMs: Number(expires_ms) };
    return { op: "put", kind: "deny_jti", id, record };
  });
}

async function endings(tx: Tx, orgId: string, tombs: readonly KeyTomb[]): Promise<Change[]> {
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
function ended(record: KeyRecord, tomb: KeyTomb): KeyRecord {
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

/** Of the entry which this transaction will append. */
function revisionOf(orgId: string) {
  return sql`(select epoch || '.' || (rev + 1) from org_head where org_id = ${orgId})`;
}

async function writeKey(tx: Tx, orgId: string, record: KeyRecord): Promise<void> {
  const { id, kind, status, generation } = record;
  // What gateways hold of an agent are no hashes: its secrets end here, and the next one is made by rotating it.
  const hashes = kind === "key" ? record.hashes : [];
  const revision = revisionOf(orgId);
  await tx.execute(sql`
    update api_key set status = ${status}, generation = ${generation}, hashes = ${JSON.stringify(hashes)}::jsonb,
      revision = ${revision}, status_revision = ${revision}
    where org_id = ${orgId} and id = ${id}`);
}

/** Replicas' rows as the freshness path reads and writes them. */
import type { ReplicaRow } from "@claviger/shared/sync/intake";
import type { Heartbeat } from "@claviger/shared/wire/heartbeat";
import { sql } from "drizzle-orm";
import type { Confirmation } from "../db/tables/replica.ts";
import type { Tx } from "./journal.ts";

/** Moves of a replica that are remembered for the operations that wait for it. */
const CONFIRMATIONS_MAX = 64;

export interface StoredReplica {
  row: ReplicaRow;
  nkey: string;
  gatewayId: string;
  sealKey: string;
  enrolledAtMs: number;
  natsJwtExpiresAtMs: number;
  confirmations: Confirmation[];
  /** Its gateway takes no new requests. */
  draining: boolean;
}

interface Raw extends Record<string, unknown> {
  id: string;
  nkey: string;
  gateway_id: string;
  seal_key: string;
  epoch: number;
  rev_applied: string;
  rev_effective: string;
  boot_id: string | null;
  confirmations: Confirmation[];
  enrolled_ms: number;
  fresh_ms: number | null;
  seen_ms: number | null;
  jwt_ms: number | null;
  draining: boolean;
  now_ms: number;
}

/** Locks the rows in the order of their ids, and reads the database's clock after the caller's lock on the head. */
export async function lockReplicas(
  tx: Tx,
  orgId: string,
  ids: readonly string[],
): Promise<{ replicas: Map<string, StoredReplica>; nowMs: number }> {
  const rows = await tx.execute<Raw>(sql`
    select id, nkey, gateway_id, seal_key, epoch, rev_applied, rev_effective, boot_id, confirmations,
      extract(epoch from enrolled_at)::float8 * 1000 as enrolled_ms,
      extract(epoch from fresh_hi)::float8 * 1000 as fresh_ms,
      extract(epoch from last_seen)::float8 * 1000 as seen_ms,
      extract(epoch from nats_jwt_expires_at)::float8 * 1000 as jwt_ms,
      exists (select 1 from gateway g where g.id = gateway_id and g.draining_since is not null) as draining,
      extract(epoch from clock_timestamp())::float8 * 1000 as now_ms
    from replica
    where org_id = ${orgId} and gone_at is null
      and id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))
    order by id for update`);
  const replicas = new Map(rows.map((raw) => [raw.id, stored(raw)]));
  return { replicas, nowMs: Math.floor(rows[0]?.now_ms ?? 0) };
}

function stored(raw: Raw): StoredReplica {
  return {
    row: {
      epoch: raw.epoch,
      revApplied: Number(raw.rev_applied),
      revEffective: Number(raw.rev_effective),
      freshHiMs: raw.fresh_ms,
      lastSeenMs: raw.seen_ms,
      boot: raw.boot_id,
    },
    nkey: raw.nkey,
    gatewayId: raw.gateway_id,
    sealKey: raw.seal_key,
    enrolledAtMs: raw.enrolled_ms,
    natsJwtExpiresAtMs: raw.jwt_ms ?? 0,
    confirmations: raw.confirmations,
    draining: raw.draining,
  };
}

/** Moves that the operations will ask about: a new revision, and requests that were broken off for one. */
export function withConfirmations(
  held: readonly Confirmation[],
  before: ReplicaRow,
  after: ReplicaRow,
  aborted: Heartbeat["aborted"],
  nowMs: number,
): Confirmation[] {
  const byRev = new Map(held.map((confirmation) => [confirmation.rev, { ...confirmation }]));
  const note = (rev: number, n: number) => {
    const known = byRev.get(rev) ?? { rev, atMs: nowMs, aborted: 0 };
    // A heartbeat whose answer was lost is repeated with the same counts.
    byRev.set(rev, { ...known, aborted: Math.max(known.aborted, n) });
  };
  if (after.revEffective !== before.revEffective || after.epoch !== before.epoch) note(after.revEffective, 0);
  for (const { rev, n } of aborted) note(rev, n);
  return [...byRev.values()].sort((a, b) => a.rev - b.rev).slice(-CONFIRMATIONS_MAX);
}

export interface ReplicaUpdate {
  id: string;
  row: ReplicaRow;
  confirmations: Confirmation[];
  heartbeat: Heartbeat;
}

/** Writes what the heartbeats said; times never move back. */
export async function writeReplicas(tx: Tx, updates: readonly ReplicaUpdate[]): Promise<void> {
  const rows = updates.map(({ id, row, confirmations, heartbeat }) => ({
    id,
    epoch: row.epoch,
    rev_applied: row.revApplied,
    rev_effective: row.revEffective,
    boot_id: row.boot,
    confirmations,
    nack: heartbeat.nack ?? null,
    bye: heartbeat.bye ?? false,
    software: heartbeat.software,
    inflight: heartbeat.inflight,
    requests_per_second: heartbeat.requestsPerSecond,
    clock_offset_ms: heartbeat.clockOffsetMs,
    clock_error_ms: heartbeat.clockErrorMs,
    usage_next_seq: heartbeat.usage.nextSeq,
    audit_n: heartbeat.audit.n,
    audit_head: heartbeat.audit.head,
  }));
  await tx.execute(sql`
    update replica r set
      epoch = u.epoch, rev_applied = u.rev_applied, rev_effective = u.rev_effective,
      fresh_hi = greatest(r.fresh_hi, clock_timestamp()), last_seen = greatest(r.last_seen, clock_timestamp()),
      boot_id = u.boot_id, confirmations = u.confirmations,
      nack = nullif(u.nack, 'null'::jsonb), bye = u.bye, software = u.software, inflight = u.inflight,
      requests_per_second = u.requests_per_second, clock_offset_ms = u.clock_offset_ms,
      clock_error_ms = u.clock_error_ms, usage_next_seq = u.usage_next_seq, audit_n = u.audit_n,
      audit_head = u.audit_head
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as u (
      id text, epoch int, rev_applied bigint, rev_effective bigint, boot_id text,
      confirmations jsonb, nack jsonb, bye boolean, software text, inflight int, requests_per_second float8,
      clock_offset_ms float8, clock_error_ms float8, usage_next_seq bigint, audit_n bigint, audit_head text)
    where r.id = u.id`);
}

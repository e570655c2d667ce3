/** An operation's view from the rows as they stand (PROTOCOL §2.5); the arithmetic is `@claviger/shared/sync/barrier`. */
import {
  type BarrierOperation,
  type BarrierReplica,
  hasConfirmed,
  operationView,
  refusesBy,
} from "@claviger/shared/sync/barrier";
import type { OperationView } from "@claviger/shared/sync/operation";
import { sql } from "drizzle-orm";
import type { Database, Queryable } from "../db/database.ts";
import type { Confirmation } from "../db/tables/replica.ts";
import { batched } from "./batch.ts";
import { type LossyEpoch, lossyEpochs } from "./epochs.ts";

/** The longest staleness that a key may have, in seconds. */
const STALENESS_SECONDS_MAX = 604_800;

export interface StoredOperation extends BarrierOperation {
  orgId: string;
  keys: readonly string[] | "all";
  /** Frozen when the operation is done. */
  result: OperationView | null;
}

export async function readStoredOperation(
  db: Queryable,
  orgId: string,
  id: string,
): Promise<StoredOperation | undefined> {
  const [row] = await db.execute<OperationRow>(sql`
    select id, org_id, epoch, rev, kind, keys, result, extract(epoch from committed_at)::float8 * 1000 as committed_ms
    from barrier_op where id = ${id} and org_id = ${orgId}`);
  return row && storedOperation(row);
}

export interface OperationRow extends Record<string, unknown> {
  id: string;
  org_id: string;
  epoch: number;
  rev: string;
  kind: "giving" | "restrictive";
  keys: readonly string[] | "all";
  result: OperationView | null;
  committed_ms: number;
}

export function storedOperation(row: OperationRow): StoredOperation {
  return {
    id: row.id,
    orgId: row.org_id,
    effect: row.kind,
    epoch: row.epoch,
    rev: Number(row.rev),
    committedAtMs: row.committed_ms,
    keys: row.keys,
    result: row.result,
  };
}

interface ReplicaOfOperation extends BarrierReplica {
  goneAtMs: number | null;
}

/**
 * The view now. `figures: "later"` skips the look-up of how long each replica may go on by itself, for a caller that
 * only waits; its `refusesBy` then assume the worst that any key may have.
 */
export async function viewOperation(
  db: Database,
  operation: StoredOperation,
  figures: "exact" | "later" = "exact",
): Promise<OperationView> {
  const { replicas, nowMs } = await readReplicas(db, operation);
  const late = operation.effect === "restrictive" ? replicas.filter((r) => !hasConfirmed(operation, r)) : [];
  if (figures === "exact" && late.length > 0) {
    const seconds = await stalenessHi(db, operation, late);
    for (const replica of late) replica.stalenessSecondsHi = seconds.get(replica.replica) ?? 0;
  }
  return operationView(
    operation,
    replicas.filter((replica) => !isForgotten(operation, replica, nowMs)),
    nowMs,
  );
}

/** A detached replica is waited for until it refuses by itself, and then by nobody. */
function isForgotten(operation: StoredOperation, replica: ReplicaOfOperation, nowMs: number): boolean {
  if (replica.goneAtMs === null) return false;
  if (operation.effect === "giving") return true;
  return nowMs > refusesBy(operation.committedAtMs, replica.freshHiMs ?? 0, replica.stalenessSecondsHi);
}

interface ReplicaRaw extends Record<string, unknown> {
  id: string;
  gateway_id: string;
  name: string;
  epoch: number;
  rev_applied: string;
  rev_effective: string;
  confirmations: Confirmation[];
  bye: boolean;
  enrolled_ms: number;
  fresh_ms: number | null;
  seen_ms: number | null;
  gone_ms: number | null;
  now_ms: number;
}

async function readReplicas(
  db: Database,
  operation: StoredOperation,
): Promise<{ replicas: ReplicaOfOperation[]; nowMs: number }> {
  const rows = await readerOf(db)(operation.orgId);
  const replicas = rows.map((raw) => ({
    gatewayId: raw.gateway_id,
    name: raw.name,
    replica: raw.id,
    enrolledAtMs: raw.enrolled_ms,
    epoch: raw.epoch,
    revApplied: Number(raw.rev_applied),
    revEffective: Number(raw.rev_effective),
    freshHiMs: raw.fresh_ms,
    lastSeenMs: raw.seen_ms,
    // The last thing that a detached one did may have been a heartbeat, but it can confirm nothing any more.
    saidBye: raw.bye || raw.gone_ms !== null,
    goneAtMs: raw.gone_ms,
    stalenessSecondsHi: STALENESS_SECONDS_MAX,
    confirmedAtMs: raw.confirmations.find(({ rev }) => rev >= operation.rev)?.atMs ?? null,
    aborted: raw.confirmations.find(({ rev }) => rev === operation.rev)?.aborted ?? 0,
  }));
  return { replicas, nowMs: rows[0]?.now_ms ?? 0 };
}

type ReadReplicas = (orgId: string) => Promise<readonly ReplicaRaw[]>;
const readers = new WeakMap<Database, ReadReplicas>();

/** All who were woken by the same notification share one query, which starts after it; nothing is kept. */
function readerOf(db: Database): ReadReplicas {
  const known = readers.get(db);
  if (known !== undefined) return known;
  const read = batched<null, readonly ReplicaRaw[]>(0, async (orgId, waiting) => {
    const rows = await queryReplicas(db, orgId);
    return waiting.map(() => rows);
  });
  const reader: ReadReplicas = (orgId) => read(orgId, null);
  readers.set(db, reader);
  return reader;
}

async function queryReplicas(db: Database, orgId: string): Promise<readonly ReplicaRaw[]> {
  return db.execute<ReplicaRaw>(sql`
    select r.id, r.gateway_id, g.name, r.epoch, r.rev_applied, r.rev_effective, r.confirmations, r.bye,
      extract(epoch from r.enrolled_at)::float8 * 1000 as enrolled_ms,
      extract(epoch from r.fresh_hi)::float8 * 1000 as fresh_ms,
      extract(epoch from r.last_seen)::float8 * 1000 as seen_ms,
      extract(epoch from r.gone_at)::float8 * 1000 as gone_ms,
      extract(epoch from clock_timestamp())::float8 * 1000 as now_ms
    from replica r join gateway g on g.id = r.gateway_id
    where r.org_id = ${orgId} order by g.name, r.slot, r.id`);
}

/**
 * By replica: the largest `maxStalenessSeconds` among the versions of the operation's keys that it may hold, which are
 * the one in force at its `rev_effective` and all later ones.
 */
async function stalenessHi(
  db: Queryable,
  operation: StoredOperation,
  replicas: readonly ReplicaOfOperation[],
): Promise<Map<string, number>> {
  const lossy = await lossyEpochs(db, operation.orgId, operation.epoch);
  const held = replicas.map((replica) => ({ id: replica.replica, rev: replica.revEffective }));
  const named =
    operation.keys === "all"
      ? sql`true`
      : sql`s.key_id in (select jsonb_array_elements_text(${JSON.stringify(operation.keys)}::jsonb))`;
  const rows = await db.execute<{ id: string; seconds: number }>(sql`
    select h.id, max(s.max_staleness_s) as seconds
    from jsonb_to_recordset(${JSON.stringify(held)}::jsonb) as h (id text, rev bigint)
    join (
      select key_id, max_staleness_s, rev,
        coalesce(lead(rev) over (partition by key_id order by rev), 9223372036854775807) as until
      from key_staleness s where org_id = ${operation.orgId} and ${named}
    ) s on s.until > h.rev
    group by h.id`);
  const seconds = new Map(rows.map((row) => [row.id, row.seconds]));
  for (const replica of replicas) {
    if (lossy.some((loss) => mayHaveHeard(replica, loss)))
      seconds.set(replica.replica, STALENESS_SECONDS_MAX);
  }
  return seconds;
}

/**
 * Silent since commits may have been lost: what it was told then, nobody knows. A row that said, when another server was
 * first looked at, that it was detached has outlived the loss: after that it was told nothing. A database that went back
 * without anybody noticing may have been told of the detachment only afterwards.
 */
function mayHaveHeard({ epoch, goneAtMs }: ReplicaOfOperation, loss: LossyEpoch): boolean {
  const wasGone = loss.why === "server" && goneAtMs !== null && goneAtMs < loss.raised_ms;
  return epoch < loss.epoch && !wasGone;
}

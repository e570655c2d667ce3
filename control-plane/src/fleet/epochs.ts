/**
 * The database's past (PROTOCOL §2.7). A PostgreSQL that was promoted or restored may have forgotten what gateways were
 * told. The bargain: nothing is proved and nothing changes on a past that nobody has looked at, because the lock that
 * every proof and every change takes looks at it too; another past is another epoch, which continues the chain from
 * where this database stands.
 *
 * The timeline is that of the write-ahead log. `pg_control_checkpoint()` would name the old one until the first
 * checkpoint after a promotion, and that is exactly when it matters.
 */
import type { ChainedPosition } from "@claviger/shared/sync/position";
import { sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import type { Ports } from "../ports.ts";
import type { Tx } from "./journal.ts";

type EpochPorts = Pick<Ports, "db" | "log">;

/** A failover that lasts longer is taken for a restore: what is lost then is not known, in seconds. */
const FAILOVER_SECONDS_MAX = 60;

/** Most epochs that one reported position can raise an organization by; what is further off is not believed. */
const EPOCHS_AHEAD_MAX = 1_000;

/** A replica that reports nonsense raises its organization's epoch this often at most, in seconds. */
const FORK_EVERY_SECONDS = 10;

const systemId = sql`(select system_identifier::text from pg_control_system())`;
const timeline = sql`('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int`;

/** By a past of which nothing is known; who was detached got no proof after that. */
const PROVED_UNTIL = sql`greatest(fresh_hi, coalesce(gone_at, clock_timestamp()))`;

/** True when a commit waits for a standby (A3). */
export const synchronous = sql`(current_setting('synchronous_commit') in ('on', 'remote_apply')
  and current_setting('synchronous_standby_names') <> '')`;

/** As a column of whoever takes the lock: true while this is the server and timeline that the epochs were made for. */
export const knownPast = sql`exists (
  select 1 from cp_cluster where system_id = ${systemId} and timeline = ${timeline})`;

/** Thrown under the lock on a past that nobody has looked at; the transaction has to be run again after `lookAtPast`. */
export class UnknownPast extends Error {}

/** Runs `work` again once, with the epochs raised, when it met a past that was not known. */
export async function onKnownPast<T>(ports: EpochPorts, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isUnknownPast(error)) throw error;
    await lookAtPast(ports);
    return work();
  }
}

/** drizzle may wrap what is thrown inside a transaction. */
function isUnknownPast(error: unknown): boolean {
  return error instanceof UnknownPast || (error instanceof Error && error.cause instanceof UnknownPast);
}

interface Server extends Record<string, unknown> {
  system_id: string;
  timeline: number;
  synchronous: boolean;
}

/**
 * Compares this PostgreSQL with the one that the epochs belong to, and raises the epoch of every organization when it is
 * another server or timeline. Any number of processes may look at once; one of them raises.
 */
export async function lookAtPast({ db, log }: EpochPorts): Promise<void> {
  // Most looks see nothing new, and write nothing: a commit would wait for a standby that is away.
  const [seen] = await db.execute<{ same: boolean }>(sql`
    select ${knownPast} and ${synchronous} = (select synchronous from cp_cluster where id = 1) as same`);
  if (seen?.same === true) return;
  const raised = await db.transaction(async (tx) => {
    const [now] = await tx.execute<Server>(
      sql`select ${systemId} as system_id, ${timeline} as timeline, ${synchronous} as synchronous`,
    );
    if (now === undefined) throw new Error("PostgreSQL does not say who it is");
    await tx.execute(sql`
      insert into cp_cluster (id, epoch, system_id, timeline, synchronous)
      values (1, 1, ${now.system_id}, ${now.timeline}, ${now.synchronous}) on conflict do nothing`);
    const [held] = await tx.execute<Server>(
      sql`select system_id, timeline, synchronous from cp_cluster where id = 1 for update`,
    );
    if (held === undefined) throw new Error("the cluster has no row");
    const same = held.system_id === now.system_id && held.timeline === now.timeline;
    if (same && held.synchronous === now.synchronous) return undefined;
    const loss = same ? undefined : await raiseAll(tx, held.synchronous && held.system_id === now.system_id);
    await tx.execute(sql`
      update cp_cluster set system_id = ${now.system_id}, timeline = ${now.timeline},
        synchronous = ${now.synchronous}, epoch = epoch + ${same ? 0 : 1} where id = 1`);
    return loss === undefined ? undefined : { from: held, to: now, loss };
  });
  if (raised !== undefined) log.error({ alarm: "epoch", ...raised }, "another PostgreSQL, another epoch");
}

/** `kept`: the server before had a standby that held every commit. */
async function raiseAll(tx: Tx, kept: boolean): Promise<"none" | "possible"> {
  await tx.execute(sql`select from org_head order by org_id for update`);
  const [past] = await tx.execute<{ survived: string | null; recent: boolean | null }>(sql`
    select survived::text as survived,
      survived > clock_timestamp() - ${FAILOVER_SECONDS_MAX} * interval '1 second' as recent
    from (select greatest(
      (select max(last_seen) from replica),
      (select max(committed_at) from barrier_op),
      (select max(c.created_at) from org_change c join org_head h using (org_id, epoch, rev))) as survived) as past`);
  const loss = kept && past?.recent === true ? "none" : "possible";
  await tx.execute(sql`
    with raised as (update org_head set epoch = epoch + 1 returning org_id, epoch, rev, chain)
    insert into org_epoch (org_id, epoch, rev, chain, why, raised_at, survived_at, loss)
    select org_id, epoch, rev, chain, 'server', statement_timestamp(), ${past?.survived ?? null}::timestamptz, ${loss}
    from raised`);
  // Proofs that the lost past has given are not in these rows: each replica counts as proved until now,
  // and until the last one that it is known to have: this server's clock may be behind that of the one before.
  await tx.execute(sql`update replica set fresh_hi = ${PROVED_UNTIL}`);
  return loss;
}

/** What a replica reports that this database does not know. */
export interface Fork {
  readonly replicaId: string;
  readonly held: ChainedPosition;
  /** Of its row, before this report: the database remembers everything up to then. */
  readonly lastSeenMs: number | null;
}

/**
 * A replica holds what this database does not know under the same epoch, or an epoch that it has never had: the
 * database was set back without a new timeline. Raises that organization's epoch above both. `seen` is where the
 * organization stood when that was noticed; nothing happens when it has moved to another epoch since.
 */
export async function raiseOnFork(
  { db, log }: EpochPorts,
  orgId: string,
  seen: ChainedPosition,
  fork: Fork,
): Promise<void> {
  const { held } = fork;
  if (held.epoch > seen.epoch + EPOCHS_AHEAD_MAX) return;
  const epoch = Math.max(seen.epoch, held.epoch) + 1;
  const survivedMs = fork.lastSeenMs;
  const raised = await db.transaction(async (tx) => {
    const [row] = await tx.execute<{ epoch: number }>(sql`
      update org_head set epoch = ${epoch}
      where org_id = ${orgId} and epoch = ${seen.epoch} and not exists (
        select 1 from org_epoch e where e.org_id = org_head.org_id and e.why = 'fork'
          and e.raised_at > clock_timestamp() - ${FORK_EVERY_SECONDS} * interval '1 second')
      returning epoch`);
    if (row === undefined) return false;
    await tx.execute(sql`
      insert into org_epoch (org_id, epoch, rev, chain, why, raised_at, survived_at, loss)
      select org_id, epoch, rev, chain, 'fork', clock_timestamp(), to_timestamp(${survivedMs}::float8 / 1000), 'proved'
      from org_head where org_id = ${orgId}`);
    await tx.execute(sql`update replica set fresh_hi = ${PROVED_UNTIL} where org_id = ${orgId}`);
    return true;
  });
  if (raised) {
    log.error({ alarm: "fork", org: orgId, seen, ...fork, epoch }, "a replica holds what the database lost");
  }
}

/**
 * A replica still reports an earlier epoch: when what it holds goes further than where the next one begins, commits were
 * lost. Recorded, so that status can say so.
 */
export async function noteLoss(tx: Tx, orgId: string, held: ChainedPosition): Promise<void> {
  await tx.execute(sql`
    update org_epoch set loss = 'proved'
    where org_id = ${orgId} and loss <> 'proved'
      and epoch = (select min(epoch) from org_epoch where org_id = ${orgId} and epoch > ${held.epoch})
      and (rev < ${held.rev} or (rev = ${held.rev} and chain <> ${held.chain}))`);
}

export interface LossyEpoch extends Record<string, unknown> {
  epoch: number;
  why: "server" | "fork";
  raised_ms: number;
}

/** The epochs up to `epoch` that began with a possible loss. */
export async function lossyEpochs(
  db: Queryable,
  orgId: string,
  epoch: number,
): Promise<readonly LossyEpoch[]> {
  return db.execute<LossyEpoch>(sql`
    select epoch, why, extract(epoch from raised_at)::float8 * 1000 as raised_ms from org_epoch
    where org_id = ${orgId} and epoch <= ${epoch} and loss <> 'none'`);
}

const LOOK_EVERY_MS = 5_000;

/** Looks before it resolves, after every reconnect to PostgreSQL and every few seconds, until it is stopped. */
export async function watchPast(ports: EpochPorts & Pick<Ports, "wake">): Promise<{ stop(): Promise<void> }> {
  await lookAtPast(ports);
  let running = Promise.resolve();
  const look = () => {
    running = running
      .then(() => lookAtPast(ports))
      .catch((error: unknown) => ports.log.warn({ err: error }, "could not look at PostgreSQL's past"));
  };
  const unlisten = ports.wake.on("change", (payload) => {
    if (payload === "") look();
  });
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    async stop() {
      unlisten();
      clearInterval(timer);
      await running;
    },
  };
}

/**
 * The roll-ups of usage, partitioned by grain and then by time, which drizzle's tables cannot say: minutes by day, hours by
 * month, days by year. What falls outside of every partition (a clock that is far off, an event that comes very late) lies
 * in the grain's default one, so intake never waits for a partition.
 */
import { sql } from "drizzle-orm";
import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type { Queryable } from "./database.ts";
import { widenRollUps } from "./widen-roll-ups.ts";

const DAY_MS = 86_400_000;

export type Grain = "minute" | "hour" | "day";

interface Kept {
  readonly grain: Grain;
  /** Of one partition. */
  readonly span: "day" | "month" | "year";
  /** Partitions made before the present one, and after it. */
  readonly before: number;
  readonly ahead: number;
  /** null: for ever. */
  readonly keptMs: number | null;
}

const GRAINS: readonly Kept[] = [
  { grain: "minute", span: "day", before: 2, ahead: 3, keptMs: 35 * DAY_MS },
  { grain: "hour", span: "month", before: 1, ahead: 1, keptMs: 400 * DAY_MS },
  { grain: "day", span: "year", before: 1, ahead: 1, keptMs: null },
];

/** How long figures of this grain are there at least, in milliseconds; null: for ever. */
export function keptMsOf(grain: Grain): number | null {
  return GRAINS.find((kept) => kept.grain === grain)?.keptMs ?? null;
}

/** Any constant: whoever holds it makes and drops partitions. */
const LOCK = 7_305_116_220;

/** The table without a partition by time; does nothing where it stands. Callers hold the lock of migrations. */
export async function createRollUps(db: PostgresJsDatabase): Promise<void> {
  await db.execute(sql`
    create table if not exists usage_rollup (
      grain text not null,
      at timestamptz not null,
      dimension_id uuid not null,
      requests bigint not null,
      errors bigint not null,
      refused bigint not null,
      input_tokens bigint not null,
      cache_read_tokens bigint not null,
      cache_write_tokens bigint not null,
      output_tokens bigint not null,
      reasoning_tokens bigint not null,
      cost_n bigint not null,
      unpriced bigint not null,
      latency bigint[] not null,
      first_byte bigint[] not null,
      primary key (grain, at, dimension_id)
    ) partition by list (grain)`);
  for (const { grain } of GRAINS) {
    await db.execute(
      sql.raw(`create table if not exists usage_${grain} partition of usage_rollup
        for values in ('${grain}') partition by range (at)`),
    );
    await db.execute(
      sql.raw(`create table if not exists usage_${grain}_rest partition of usage_${grain} default`),
    );
  }
  await widenRollUps(db);
}

/**
 * Makes the partitions around this instant and drops those that are older than they are kept. Any number of processes
 * may do it at once: each partition is made by one, and is there when any of them returns.
 */
export async function keepPartitions(db: PostgresJsDatabase, nowMs: number): Promise<void> {
  for (const kept of GRAINS) {
    for (let nth = -kept.before; nth <= kept.ahead; nth += 1) await addPartition(db, kept, nowMs, nth);
    if (kept.keptMs !== null) await dropBefore(db, kept, nowMs - kept.keptMs);
  }
}

/** The bounds of a span's nth after the one with this instant, in UTC. */
export function spanOf(span: Kept["span"], atMs: number, nth: number): { fromMs: number; toMs: number } {
  const at = new Date(atMs);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  const start = (n: number) => {
    if (span === "day") return Date.UTC(year, month, day + n);
    return span === "month" ? Date.UTC(year, month + n) : Date.UTC(year + n, 0);
  };
  return { fromMs: start(nth), toMs: start(nth + 1) };
}

async function addPartition(
  db: PostgresJsDatabase,
  { grain, span }: Kept,
  nowMs: number,
  nth: number,
): Promise<void> {
  const { fromMs, toMs } = spanOf(span, nowMs, nth);
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  const name = `usage_${grain}_${from.slice(0, 10).replaceAll("-", "")}`;
  if (await exists(db, name)) return;
  await alone(db, async (run, tx) => {
    // The one before may have made it.
    if (await exists(tx, name)) return;
    await run(`lock table usage_${grain}_rest in access exclusive mode`);
    await run(`create table ${name} (like usage_${grain} including all)`);
    await run(`with moved as (delete from usage_${grain}_rest where at >= '${from}' and at < '${to}' returning *)
      insert into ${name} select * from moved`);
    await run(`alter table usage_${grain} attach partition ${name} for values from ('${from}') to ('${to}')`);
  });
}

async function exists(db: Queryable, name: string): Promise<boolean> {
  const [row] = await db.execute<{ there: boolean }>(
    sql`select to_regclass('public.' || ${name}) is not null as there`,
  );
  return row?.there === true;
}

async function dropBefore(db: PostgresJsDatabase, { grain, span }: Kept, keepFromMs: number): Promise<void> {
  const partitions = await db.execute<{ name: string }>(sql`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = ${`usage_${grain}`}::regclass order by 1`);
  for (const { name } of partitions) {
    const day = /_(\d{4})(\d\d)(\d\d)$/.exec(name);
    if (day === null) continue;
    const startMs = Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3]));
    if (spanOf(span, startMs, 0).toMs > keepFromMs) continue;
    await alone(db, (run) => run(`drop table if exists ${name}`));
  }
  await db.execute(
    sql.raw(`delete from usage_${grain}_rest where at < '${new Date(keepFromMs).toISOString()}'`),
  );
}

/** One transaction under the lock. Whoever has it has it for milliseconds; who reads a table for long is not waited for. */
async function alone(
  db: PostgresJsDatabase,
  work: (run: (statement: string) => Promise<void>, tx: Queryable) => Promise<void>,
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`set local lock_timeout = '3s'`);
    await tx.execute(sql`select pg_advisory_xact_lock(${LOCK})`);
    await work(async (statement) => {
      await tx.execute(sql.raw(statement));
    }, tx);
  });
}

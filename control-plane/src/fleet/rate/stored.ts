/** An organization's books of limits in PostgreSQL. The bargain: who has locked the organization's has locked them all. */
import type { FleetBook, KeyBook, KeyLimits, Member } from "@claviger/shared/rate/dealer";
import { sql } from "drizzle-orm";
import type { Queryable } from "../../db/database.ts";
import type { Tx } from "../journal.ts";
import { decodeFleet, decodeKey, encodeBook } from "./encode.ts";

/** Names the organization's own row among those of its keys. */
const OWN = "";

interface Locked {
  /** undefined: there is none, or it is of another past. */
  readonly fleet: FleetBook | undefined;
  readonly epoch: number;
  readonly nowMs: number;
}

interface RawLocked extends Record<string, unknown> {
  book: unknown;
  epoch: number;
  now_ms: number;
}

/** Locks the organization's books; the clock is the database's. */
export async function lockBooks(tx: Tx, orgId: string): Promise<Locked> {
  const lock = () =>
    tx.execute<RawLocked>(sql`
      select b.book, h.epoch, extract(epoch from clock_timestamp())::float8 * 1000 as now_ms
      from rate_book b join org_head h on h.org_id = b.org_id
      where b.org_id = ${orgId} and b.key_id = ${OWN} for update of b`);
  let [row] = await lock();
  if (row === undefined) {
    await tx.execute(sql`
      insert into rate_book (org_id, key_id, changed_at) values (${orgId}, ${OWN}, now())
      on conflict (org_id, key_id) do nothing`);
    [row] = await lock();
  }
  if (row === undefined) throw new Error("this organization has no journal");
  const fleet = decodeFleet(row.book);
  const same = fleet?.generation.epoch === row.epoch;
  return { fleet: same ? fleet : undefined, epoch: row.epoch, nowMs: Math.floor(row.now_ms) };
}

/** Replicas that were not detached. */
export async function readMembers(db: Queryable, orgId: string): Promise<Map<string, Member>> {
  const rows = await db.execute<{ id: string; bye: boolean; fresh_ms: number | null }>(sql`
    select id, bye, extract(epoch from fresh_hi)::float8 * 1000 as fresh_ms
    from replica where org_id = ${orgId} and gone_at is null`);
  return new Map(rows.map(({ id, bye, fresh_ms: freshMs }) => [id, { bye, freshMs }]));
}

interface RawLimits extends Record<string, unknown> {
  id: string;
  rpm: number | null;
  tpm: number | null;
  concurrency: number | null;
  staleness: number;
  staleness_max: number | null;
  created_ms: number;
}

/** The limits of those of these keys that are there. */
export async function readLimits(
  db: Queryable,
  orgId: string,
  keys: readonly string[],
): Promise<Map<string, KeyLimits>> {
  if (keys.length === 0) return new Map();
  const rows = await db.execute<RawLimits>(sql`
    select id, requests_per_minute as rpm, tokens_per_minute as tpm, max_concurrency as concurrency,
      max_staleness_seconds as staleness, extract(epoch from created_at)::float8 * 1000 as created_ms,
      (select max(s.max_staleness_s) from key_staleness s
       where s.org_id = k.org_id and s.key_id = k.id) as staleness_max
    from api_key k
    where org_id = ${orgId} and status <> 'deleted'
      and id in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))`);
  return new Map(rows.map((row) => [row.id, limitsOf(row)]));
}

function limitsOf(row: RawLimits): KeyLimits {
  return {
    requestsPerMinute: row.rpm,
    tokensPerMinute: row.tpm,
    maxConcurrency: row.concurrency,
    ttlMs: row.staleness * 1_000,
    ttlMsMax: Math.max(row.staleness, row.staleness_max ?? 0) * 1_000,
    createdMs: row.created_ms,
  };
}

/** The books of those of these keys that have one. */
export async function readBooks(
  db: Queryable,
  orgId: string,
  keys: readonly string[],
): Promise<Map<string, KeyBook>> {
  if (keys.length === 0) return new Map();
  const rows = await db.execute<{ key_id: string; book: unknown }>(sql`
    select key_id, book from rate_book
    where org_id = ${orgId} and key_id in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))`);
  return new Map(
    rows.flatMap(({ key_id: key, book }) => {
      const read = decodeKey(book);
      return read === undefined ? [] : [[key, read] as const];
    }),
  );
}

/** Writes the organization's book and those of these keys; the caller has locked them. Keys without a book lose theirs. */
export async function writeBooks(
  tx: Tx,
  orgId: string,
  fleet: FleetBook,
  keys: readonly string[],
  books: ReadonlyMap<string, KeyBook>,
): Promise<void> {
  const rows = [{ key: OWN, book: encodeBook(fleet) }];
  for (const key of keys) {
    const book = books.get(key);
    if (book !== undefined) rows.push({ key, book: encodeBook(book) });
  }
  await tx.execute(sql`
    insert into rate_book (org_id, key_id, book, changed_at)
    select ${orgId}, r.key, r.book::jsonb, now()
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r (key text, book text)
    on conflict (org_id, key_id) do update set book = excluded.book, changed_at = excluded.changed_at`);
  const without = keys.filter((key) => !books.has(key));
  if (without.length === 0) return;
  await tx.execute(sql`
    delete from rate_book where org_id = ${orgId}
      and key_id in (select jsonb_array_elements_text(${JSON.stringify(without)}::jsonb))`);
}

/**
 * Drops books of keys that nobody has used for longer than any share lasts. In a young generation a key without a book may
 * have lost it, so nothing is dropped in the first eight days.
 */
export async function pruneBooks(db: Queryable): Promise<void> {
  await db.execute(sql`
    delete from rate_book b using rate_book own
    where own.org_id = b.org_id and own.key_id = ${OWN} and b.key_id <> ${OWN}
      and b.changed_at < now() - interval '8 days'
      and to_timestamp((own.book -> 'generation' ->> 'sinceMs')::float8 / 1000) < now() - interval '8 days'`);
}

/**
 * Snapshots: all records of an organization at one revision, in content-addressed pages. Built at most once per
 * organization and minute (unless a later revision is wanted), read by one statement, shared by all processes through
 * PostgreSQL.
 */
import type { ChainedPosition, Position } from "@claviger/shared/sync/position";
import { SKIPPABLE_KINDS } from "@claviger/shared/wire/record";
import type { Snapshot } from "@claviger/shared/wire/snapshot";
import { sql } from "drizzle-orm";
import type { Database, Queryable } from "../db/database.ts";
import type { Ports } from "../ports.ts";
import type { Tx } from "./journal.ts";
import { createSharedReads, perOwner } from "./shared-reads.ts";

/** A page begins after this many bytes of records; one is at most 64 KiB, so that none passes 512 KiB. */
const PAGE_BYTES = 400_000;
const REUSE_SECONDS = 60;

const SKIPPABLE = `{${SKIPPABLE_KINDS.join(",")}}`;

interface Wanted {
  epoch: number;
  /** Revision, or later. */
  from: number;
}

/** A signed snapshot at revision `from` or later. */
export async function snapshotFor(ports: Ports, orgId: string, epoch: number, from: number): Promise<string> {
  const wanted = { epoch, from };
  const kept = await readKept(ports.db, orgId, wanted);
  if (kept !== undefined) return kept.jws;
  const { head, jws } = await sharedBuild(ports, orgId, wanted);
  // One that was begun for somebody else may have read before the revision that is wanted here.
  return head.epoch >= epoch && head.rev >= from ? jws : (await build(ports, orgId, wanted)).jws;
}

async function readKept(db: Queryable, orgId: string, { epoch, from }: Wanted): Promise<Built | undefined> {
  const [row] = await db.execute<{ epoch: number; rev: string; jws: string }>(sql`
    select epoch, rev, jws from snapshot
    where org_id = ${orgId} and epoch = ${epoch} and rev >= ${from}
      and built_at > clock_timestamp() - ${REUSE_SECONDS} * interval '1 second'`);
  return row && { head: { epoch: row.epoch, rev: Number(row.rev) }, jws: row.jws };
}

interface Built {
  head: Position;
  jws: string;
}

const building = new WeakMap<Database, Map<string, Promise<Built>>>();

/** After a failover every replica asks at once: those of one organization share what this process is building. */
async function sharedBuild(ports: Ports, orgId: string, wanted: Wanted): Promise<Built> {
  const ofDatabase = building.get(ports.db) ?? new Map<string, Promise<Built>>();
  building.set(ports.db, ofDatabase);
  const running = ofDatabase.get(orgId);
  if (running !== undefined) return running;
  const started = build(ports, orgId, wanted).finally(() => ofDatabase.delete(orgId));
  ofDatabase.set(orgId, started);
  return started;
}

const pages = perOwner<Database, string | undefined>(() =>
  createSharedReads({ keepMs: 10_000, bytesMax: 33_554_432 }, (body) => body?.length ?? 0),
);

/** The exact bytes of a page; undefined when this organization has no such page. A fleet that starts asks for the same ones. */
export function readPage({ db }: Ports, orgId: string, sha256: string): Promise<string | undefined> {
  return pages(db).get(`${orgId}|${sha256}`, async () => {
    const [row] = await db.execute<{ body: string }>(
      sql`select body from snapshot_page where org_id = ${orgId} and sha256 = ${sha256}`,
    );
    return row?.body;
  });
}

/** One process at a time builds for an organization; who waited for it looks again. */
async function build(ports: Ports, orgId: string, wanted: Wanted): Promise<Built> {
  return ports.db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`snapshot|${orgId}`}, 0))`);
    const kept = await readKept(tx, orgId, wanted);
    if (kept !== undefined) return kept;
    const sinceMs = ports.clock.nowMs();
    const { head, pages, bytes } = await makePages(tx, orgId);
    const cpTimeMs = ports.clock.nowMs();
    const snapshot: Snapshot = { v: 1, org: orgId, ...head, cpTimeMs, pages };
    const jws = await ports.sign("clv-snap+jws", new TextEncoder().encode(JSON.stringify(snapshot)));
    await tx.execute(sql`
      insert into snapshot (org_id, epoch, rev, jws, built_at)
      values (${orgId}, ${head.epoch}, ${head.rev}, ${jws}, clock_timestamp())
      on conflict (org_id) do update
        set epoch = excluded.epoch, rev = excluded.rev, jws = excluded.jws, built_at = excluded.built_at
        where (snapshot.epoch, snapshot.rev) <= (excluded.epoch, excluded.rev)`);
    const { epoch, rev } = head;
    const buildMs = ports.clock.nowMs() - sinceMs;
    ports.log.info({ org: orgId, epoch, rev, pages: pages.length, bytes, buildMs }, "snapshot built");
    return { head, jws };
  });
}

interface PageRow extends Record<string, unknown> {
  epoch: number;
  rev: string;
  chain: string;
  sha256: string | null;
  bytes: number;
}

/**
 * Puts the records of the head into pages, and returns their hashes in order. The database does it alone: hundreds of
 * megabytes neither pass through this process nor hold up what else it answers. One statement, so that the records are
 * those of that head; a transaction's own view would be older than its lock.
 */
async function makePages(
  tx: Tx,
  orgId: string,
): Promise<{ head: ChainedPosition; pages: string[]; bytes: number }> {
  const rows = await tx.execute<PageRow>(sql`
    with change as materialized (
      select array_position(array['policy', 'project', 'provider', 'secret', 'key', 'agent', 'deny_jti', 'models', 'alias'], kind) as n, id,
        format('{"op":"put","kind":%s,"id":%s,"record":%s%s}', to_json(kind), to_json(id), record,
          case when kind = any(${SKIPPABLE}::text[]) then ',"ifUnknown":"skip"' end) as body
      from org_record where org_id = ${orgId}
    ), placed as (
      select n, id, body,
        sum(octet_length(body) + 1) over (order by n, id rows unbounded preceding) / ${PAGE_BYTES} as page
      from change
    ), page as materialized (
      select page, '[' || string_agg(body, ',' order by n, id) || ']' as body from placed group by page
    ), named as materialized (
      select page, body, octet_length(body) as bytes,
        translate(encode(sha256(convert_to(body, 'UTF8')), 'base64'), E'+/=\n', '-_') as sha256
      from page
    ), kept as (
      insert into snapshot_page (org_id, sha256, body, named_at)
      select ${orgId}, sha256, body, clock_timestamp() from named
      on conflict (org_id, sha256) do update set named_at = excluded.named_at
    )
    select head.epoch, head.rev, head.chain, named.sha256, named.bytes
    from org_head head left join named on true
    where head.org_id = ${orgId}
    order by named.page`);
  const [first] = rows;
  if (first === undefined) throw new Error("this organization has no journal");
  return {
    head: { epoch: first.epoch, rev: Number(first.rev), chain: first.chain },
    pages: rows.flatMap(({ sha256 }) => sha256 ?? []),
    bytes: rows.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
  };
}

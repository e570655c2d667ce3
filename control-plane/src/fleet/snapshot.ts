/**
 * Snapshots: all records of an organization at one revision, in content-addressed pages. Built at most once per
 * organization and minute (unless a later revision is wanted), read by one statement, shared by all processes through
 * PostgreSQL.
 */
import { createHash } from "node:crypto";
import type { ChainedPosition, Position } from "@claviger/shared/sync/position";
import type { Change } from "@claviger/shared/wire/record";
import type { Snapshot } from "@claviger/shared/wire/snapshot";
import { sql } from "drizzle-orm";
import type { Database, Queryable } from "../db/database.ts";
import type { Ports } from "../ports.ts";
import type { Tx } from "./journal.ts";

/** Target size of a page in bytes; a record is at most 64 KiB, so that none passes 512 KiB. */
const PAGE_BYTES = 400_000;
const REUSE_SECONDS = 60;

interface Page {
  sha256: string;
  body: string;
}

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

/** The exact bytes of a page; undefined when this organization has no such page. */
export async function readPage(ports: Ports, orgId: string, sha256: string): Promise<string | undefined> {
  const [row] = await ports.db.execute<{ body: string }>(
    sql`select body from snapshot_page where org_id = ${orgId} and sha256 = ${sha256}`,
  );
  return row?.body;
}

/** One process at a time builds for an organization; who waited for it looks again. */
async function build(ports: Ports, orgId: string, wanted: Wanted): Promise<Built> {
  return ports.db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`snapshot|${orgId}`}, 0))`);
    const kept = await readKept(tx, orgId, wanted);
    if (kept !== undefined) return kept;
    const { head, pages } = await readAll(tx, orgId);
    const snapshot: Snapshot = {
      v: 1,
      org: orgId,
      epoch: head.epoch,
      rev: head.rev,
      chain: head.chain,
      cpTimeMs: ports.clock.nowMs(),
      pages: pages.map((page) => page.sha256),
    };
    const jws = await ports.sign("clv-snap+jws", new TextEncoder().encode(JSON.stringify(snapshot)));
    for (const page of pages) {
      await tx.execute(sql`
        insert into snapshot_page (org_id, sha256, body, named_at)
        values (${orgId}, ${page.sha256}, ${page.body}, clock_timestamp())
        on conflict (org_id, sha256) do update set named_at = excluded.named_at`);
    }
    await tx.execute(sql`
      insert into snapshot (org_id, epoch, rev, jws, built_at)
      values (${orgId}, ${head.epoch}, ${head.rev}, ${jws}, clock_timestamp())
      on conflict (org_id) do update
        set epoch = excluded.epoch, rev = excluded.rev, jws = excluded.jws, built_at = excluded.built_at
        where (snapshot.epoch, snapshot.rev) <= (excluded.epoch, excluded.rev)`);
    return { head, jws };
  });
}

/** One statement, so that the records are those of that head; a transaction's own view would be older than its lock. */
async function readAll(tx: Tx, orgId: string): Promise<{ head: ChainedPosition; pages: Page[] }> {
  const [first, ...rows] = await tx.execute<{ kind: string; id: string; record: object }>(sql`
    select 'head' as kind, '' as id, jsonb_build_object('epoch', epoch, 'rev', rev, 'chain', chain) as record, 0 as n
    from org_head where org_id = ${orgId}
    union all
    select kind, id, record, array_position(array['policy', 'project', 'provider', 'secret', 'key'], kind)
    from org_record where org_id = ${orgId}
    order by n, id`);
  if (first?.kind !== "head") throw new Error("this organization has no journal");
  const changes = rows.map(({ kind, id, record }) => ({ op: "put", kind, id, record }) as Change);
  return { head: first.record as ChainedPosition, pages: pagesOf(changes) };
}

function pagesOf(changes: readonly Change[]): Page[] {
  const pages: Page[] = [];
  let texts: string[] = [];
  let bytes = 0;
  const close = () => {
    if (texts.length === 0) return;
    const body = `[${texts.join(",")}]`;
    pages.push({ body, sha256: createHash("sha256").update(body).digest("base64url") });
    texts = [];
    bytes = 0;
  };
  for (const change of changes) {
    const text = JSON.stringify(change);
    const size = Buffer.byteLength(text);
    if (bytes + size > PAGE_BYTES) close();
    texts.push(text);
    bytes += size + 1;
  }
  close();
  return pages;
}

/**
 * Snapshots: all records of an organization at one revision, in content-addressed pages. Built at most once per
 * organization and minute, read in one REPEATABLE READ transaction, shared by all processes through PostgreSQL.
 */
import { createHash } from "node:crypto";
import type { ChainedPosition } from "@claviger/shared/sync/position";
import type { Change } from "@claviger/shared/wire/record";
import type { Snapshot } from "@claviger/shared/wire/snapshot";
import { sql } from "drizzle-orm";
import type { Database } from "../db/database.ts";
import type { Ports } from "../ports.ts";
import { readHead } from "./deltas.ts";

/** Target size of a page in bytes; a record is at most 64 KiB, so that none passes 512 KiB. */
const PAGE_BYTES = 400_000;
const REUSE_SECONDS = 60;

interface Page {
  sha256: string;
  body: string;
}

/** A signed snapshot at revision `from` or later. */
export async function snapshotFor(ports: Ports, orgId: string, epoch: number, from: number): Promise<string> {
  const [kept] = await ports.db.execute<{ jws: string }>(sql`
    select jws from snapshot
    where org_id = ${orgId} and epoch = ${epoch} and rev >= ${from}
      and built_at > clock_timestamp() - ${REUSE_SECONDS} * interval '1 second'`);
  if (kept !== undefined) return kept.jws;
  const { head, jws } = await sharedBuild(ports, orgId);
  // One that was begun for somebody else may have read before the revision that is wanted here.
  return head.epoch >= epoch && head.rev >= from ? jws : (await build(ports, orgId)).jws;
}

interface Built {
  head: ChainedPosition;
  jws: string;
}

const building = new WeakMap<Database, Map<string, Promise<Built>>>();

/** After a failover every replica asks at once: those of one organization share what this process is building. */
async function sharedBuild(ports: Ports, orgId: string): Promise<Built> {
  const ofDatabase = building.get(ports.db) ?? new Map<string, Promise<Built>>();
  building.set(ports.db, ofDatabase);
  const running = ofDatabase.get(orgId);
  if (running !== undefined) return running;
  const started = build(ports, orgId).finally(() => ofDatabase.delete(orgId));
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

async function build(ports: Ports, orgId: string): Promise<Built> {
  const { head, pages } = await readAll(ports, orgId);
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
  await ports.db.transaction(async (tx) => {
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
  });
  return { head, jws };
}

async function readAll(ports: Ports, orgId: string) {
  return ports.db.transaction(
    async (tx) => {
      const head = await readHead(tx, orgId);
      if (head === undefined) throw new Error("this organization has no journal");
      const rows = await tx.execute<{ kind: string; id: string; record: object }>(sql`
        select kind, id, record from org_record where org_id = ${orgId}
        order by array_position(array['policy', 'project', 'provider', 'secret', 'key'], kind), id`);
      return { head, pages: pagesOf(rows.map((row) => ({ op: "put", ...row }) as Change)) };
    },
    { isolationLevel: "repeatable read", accessMode: "read only" },
  );
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

/**
 * The one way to change what gateways know (PROTOCOL §2.1). The bargain: one row lock per organization orders all its
 * changes and every freshness proof, so a change waits for proofs in flight and sees each of them.
 */
import { problem } from "@claviger/shared/api/problem";
import { isKeyChange } from "@claviger/shared/sync/table";
import { nextChain } from "@claviger/shared/wire/chain";
import { CHANGES_MAX, Delta } from "@claviger/shared/wire/delta";
import type { Change } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import type { Database } from "../db/database.ts";
import { newId } from "../db/new-id.ts";
import type { Ports } from "../ports.ts";
import { knownPast, onKnownPast, UnknownPast } from "./epochs.ts";
import type { JournalEntry } from "./journal-types.ts";
import { publishChange } from "./publish.ts";

/** The transaction that a verb writes its rows in. */
export type Tx = Parameters<Parameters<Database["transaction"]>[0]>[0];

/** A delta larger than this is refused, in bytes of its payload. */
export const DELTA_BYTES_MAX = 262_144;

export interface Journaled<T> {
  value: T;
  operationId: string | null;
  /** `<epoch>.<revision>` */
  revision: string;
}

interface Head {
  epoch: number;
  rev: number;
  chain: string;
  account: string;
}

interface Appended {
  epoch: number;
  rev: number;
  jws: string;
  operationId: string | null;
}

/**
 * Runs `write` in one transaction that holds the organization's row lock, then journals its entry as the next
 * revision, commits and publishes. `entry: null` changes nothing for gateways and consumes no revision. `revision` is
 * the organization's after it. An organization may be created inside `write` (`createFleetOf`).
 */
export async function journaled<T>(
  ports: Ports,
  orgId: string,
  write: (tx: Tx) => Promise<{ value: T; entry: JournalEntry | null }>,
): Promise<Journaled<T>> {
  const work = () =>
    ports.db.transaction(async (tx) => {
      const locked = await lockHead(tx, orgId);
      const { value, entry } = await write(tx);
      const head = locked ?? (await lockHead(tx, orgId));
      if (head === undefined) throw new Error("this organization has no journal");
      const appended = entry === null ? null : await append(tx, ports, orgId, head, entry);
      return { value, head, appended };
    });
  const { value, head, appended } = await onKnownPast(ports, work);
  if (appended === null) return { value, operationId: null, revision: `${head.epoch}.${head.rev}` };
  publishChange(ports, { orgId, account: head.account, ...appended });
  return { value, operationId: appended.operationId, revision: `${appended.epoch}.${appended.rev}` };
}

/**
 * Proofs and changes of an organization stand in one line before its head. Of the row lock alone proofs that overlap never
 * let go: they join each other past a change that waits, for as long as there is one.
 */
export async function standInLine(tx: Tx, orgId: string, how: "alone" | "together"): Promise<void> {
  const line = sql`hashtextextended(${`head|${orgId}`}, 0)`;
  await tx.execute(
    how === "alone"
      ? sql`select pg_advisory_xact_lock(${line})`
      : sql`select pg_advisory_xact_lock_shared(${line})`,
  );
}

/**
 * Takes the lock that an `UPDATE` of the row would take: it waits for every proof in flight (`FOR SHARE`). Throws
 * `UnknownPast` on a database that was promoted or restored since anybody looked.
 */
async function lockHead(tx: Tx, orgId: string): Promise<Head | undefined> {
  await standInLine(tx, orgId, "alone");
  const rows = await tx.execute<{
    epoch: number;
    rev: string;
    chain: string;
    account: string;
    known: boolean;
  }>(sql`
    select h.epoch, h.rev, h.chain, a.account, ${knownPast} as known
    from org_head h join org_account a using (org_id)
    where h.org_id = ${orgId} for no key update of h`);
  const [row] = rows;
  if (row?.known === false) throw new UnknownPast();
  return row && { ...row, rev: Number(row.rev) };
}

async function append(
  tx: Tx,
  ports: Ports,
  orgId: string,
  head: Head,
  entry: JournalEntry,
): Promise<Appended> {
  const rev = head.rev + 1;
  const operationId = entry.effect === "neutral" ? null : newId(ports.random, "op");
  const delta: Delta = {
    v: 1,
    org: orgId,
    epoch: head.epoch,
    rev,
    prev: head.chain,
    atMs: ports.clock.nowMs(),
    actor: entry.actor,
    action: entry.action,
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    restrictive: entry.effect === "restrictive",
    inflight: entry.inflight ?? "drain",
    operation: operationId,
    changes: [...entry.changes],
  };
  const payload = payloadOf(delta);
  const [jws, chain] = await Promise.all([
    ports.sign("clv-delta+jws", payload),
    nextChain(head.chain, payload),
  ]);
  // One connection runs them one after another, all below the lock that `head` was read under, in an order that does not
  // matter; sending them together saves the round trips.
  await Promise.all([
    tx.execute(sql`
      insert into org_change (org_id, epoch, rev, restrictive, chain, jws)
      values (${orgId}, ${head.epoch}, ${rev}, ${delta.restrictive}, ${chain}, ${jws})`),
    tx.execute(sql`update org_head set rev = ${rev}, chain = ${chain} where org_id = ${orgId}`),
    ...foldRecords(tx, orgId, rev, entry.changes),
    recordStaleness(tx, orgId, rev, entry.changes),
    ...(operationId === null
      ? []
      : [openOperation(tx, orgId, { id: operationId, epoch: head.epoch, rev }, entry)]),
    tx.execute(sql`select pg_notify('change', ${orgId})`),
  ]);
  return { epoch: head.epoch, rev, jws, operationId };
}

/**
 * The bytes to sign. What no replica could take in would stop each of them for good, so it is refused before anything is
 * committed: `state_conflict` for what is too large; a record that the schema does not know is a broken assumption.
 */
function payloadOf(delta: Delta): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify(delta);
  const payload = new TextEncoder().encode(text);
  if (delta.changes.length > CHANGES_MAX || payload.length > DELTA_BYTES_MAX) {
    throw problem(
      "state_conflict",
      `This changes ${delta.changes.length} records at once, ${payload.length} bytes; one change takes ${CHANGES_MAX} records and ${DELTA_BYTES_MAX} bytes. Do it in several steps.`,
    );
  }
  const parsed = Delta.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error("a change is none that a replica can read", { cause: parsed.error });
  return payload;
}

/** `committed_at` is read by a statement after the lock was taken: no proof given before this change is later than it. */
async function openOperation(
  tx: Tx,
  orgId: string,
  operation: { id: string; epoch: number; rev: number },
  entry: JournalEntry,
): Promise<void> {
  await tx.execute(sql`
    insert into barrier_op (id, org_id, epoch, rev, kind, keys, created_at, committed_at)
    values (${operation.id}, ${orgId}, ${operation.epoch}, ${operation.rev}, ${entry.effect},
      ${JSON.stringify(entry.keys)}::jsonb, now(), clock_timestamp())`);
}

/** Keeps `org_record` equal to the fold of all deltas; the last change of a record counts. */
function foldRecords(tx: Tx, orgId: string, rev: number, changes: readonly Change[]): Promise<unknown>[] {
  const last = new Map(changes.map((change) => [`${change.kind}|${change.id}`, change]));
  const puts = [...last.values()].filter((change) => change.op === "put");
  const dels = [...last.values()].filter((change) => change.op === "del");
  const queries: Promise<unknown>[] = [];
  if (puts.length > 0) {
    queries.push(
      tx.execute(sql`
        insert into org_record (org_id, kind, id, rev, record)
        select ${orgId}, c.kind, c.id, ${rev}, c.record
        from jsonb_to_recordset(${JSON.stringify(puts)}::jsonb) as c (kind text, id text, record jsonb)
        on conflict (org_id, kind, id) do update set rev = excluded.rev, record = excluded.record`),
    );
  }
  if (dels.length > 0) {
    queries.push(
      tx.execute(sql`
        delete from org_record r
        using jsonb_to_recordset(${JSON.stringify(dels)}::jsonb) as c (kind text, id text)
        where r.org_id = ${orgId} and r.kind = c.kind and r.id = c.id`),
    );
  }
  return queries;
}

/** How long gateways may admit this version of each key on an old proof; a version that admits nothing counts as 0. */
async function recordStaleness(
  tx: Tx,
  orgId: string,
  rev: number,
  changes: readonly Change[],
): Promise<void> {
  const seconds = new Map<string, number>();
  for (const change of changes) {
    if (!isKeyChange(change)) continue;
    const { id, status, maxStalenessSeconds } = change.record;
    seconds.set(id, status === "active" ? maxStalenessSeconds : 0);
  }
  if (seconds.size === 0) return;
  const rows = [...seconds].map(([id, s]) => ({ id, s }));
  await tx.execute(sql`
    insert into key_staleness (org_id, key_id, rev, max_staleness_s)
    select ${orgId}, k.id, ${rev}, k.s from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as k (id text, s int)
    where k.s is distinct from (
      select max_staleness_s from key_staleness old
      where old.org_id = ${orgId} and old.key_id = k.id order by rev desc limit 1)`);
}

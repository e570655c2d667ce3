/** Signed changes as they lie in the database: what a replica that is behind is given. */
import type { ChainedPosition } from "@claviger/shared/sync/position";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";

/** All deltas of one answer together, in bytes. */
export const ANSWER_BYTES_MAX = 262_144;

/** Most deltas that one read looks at; they are rarely smaller than 500 bytes. */
const ROWS_MAX = 512;

/**
 * Chain values after these revisions, by revision, and after the one that the epoch begins on; those that are no longer
 * kept are absent.
 */
export async function chainsAt(
  db: Queryable,
  orgId: string,
  epoch: number,
  revs: readonly number[],
): Promise<Map<number, string>> {
  const chains = new Map<number, string>([[0, GENESIS_CHAIN]]);
  if (revs.every((rev) => chains.has(rev))) return chains;
  const wanted = sql`(select jsonb_array_elements_text(${JSON.stringify(revs)}::jsonb)::bigint)`;
  const rows = await db.execute<{ rev: string; chain: string }>(sql`
    select rev, chain from org_change
    where org_id = ${orgId} and epoch = ${epoch} and rev in ${wanted}
    union all
    select rev, chain from org_epoch
    where org_id = ${orgId} and epoch = ${epoch} and rev in ${wanted}`);
  for (const row of rows) chains.set(Number(row.rev), row.chain);
  return chains;
}

/** Deltas after `from` up to `to`, oldest first, as many as fit one answer; `more` says that some did not. */
export async function deltasAfter(
  db: Queryable,
  orgId: string,
  range: { epoch: number; from: number; to: number },
): Promise<{ deltas: string[]; more: boolean }> {
  const rows = await db.execute<{ rev: string; jws: string }>(sql`
    select rev, jws from org_change
    where org_id = ${orgId} and epoch = ${range.epoch} and rev > ${range.from} and rev <= ${range.to}
    order by rev limit ${ROWS_MAX}`);
  const deltas: string[] = [];
  let bytes = 0;
  for (const { jws } of rows) {
    bytes += jws.length;
    // The first one always fits: a delta that is larger than an answer would never arrive.
    if (bytes > ANSWER_BYTES_MAX && deltas.length > 0) break;
    deltas.push(jws);
  }
  return { deltas, more: range.from + deltas.length < range.to };
}

/** Where the organization stands, without waiting for anybody. */
export async function readHead(db: Queryable, orgId: string): Promise<ChainedPosition | undefined> {
  const rows = await db.execute<{ epoch: number; rev: string; chain: string }>(
    sql`select epoch, rev, chain from org_head where org_id = ${orgId}`,
  );
  const [row] = rows;
  return row && { ...row, rev: Number(row.rev) };
}

/**
 * Signed changes as they lie in the database: what a replica that is behind is given. Revisions go on where an epoch
 * begins, so that what is there is one history, whose epochs are told by messages of their own.
 */
import type { ChainedPosition, Position } from "@claviger/shared/sync/position";
import type { EpochMessage } from "@claviger/shared/wire/epoch";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import type { Sign } from "@claviger/shared/wire/sign";
import { sql } from "drizzle-orm";
import type { Database, Queryable } from "../db/database.ts";
import { createSharedReads, perOwner } from "./shared-reads.ts";

/** All deltas of one answer to a sync together, in bytes; one that is larger comes alone. */
export const ANSWER_BYTES_MAX = 262_144;

/**
 * All deltas of one answer to a heartbeat, in bytes. They are signed a second time there, and a fleet that is behind says so
 * in one moment: what is longer is left to sync, or proofs would wait for megabytes until nobody waits for the proofs.
 */
export const BEAT_BYTES_MAX = 65_536;

/** Those who are equally far behind are told the same. */
const leading = perOwner<Database, Steps>(() =>
  createSharedReads({ keepMs: 2_000, bytesMax: 33_554_432 }, ({ bytes }) => bytes),
);

/** Most deltas that one read looks at; they are rarely smaller than 500 bytes. */
const ROWS_MAX = 512;

/** Chain values in the database's history, also after the revision that an epoch begins on. */
export type Chains = (at: Position) => string | undefined;

/** What is known of these positions; what is no longer kept, or was never of this history, is undefined. */
export async function chainsAt(
  db: Queryable,
  orgId: string,
  positions: readonly Position[],
): Promise<Chains> {
  const chains = new Map<string, string>();
  const look: Chains = (at) => (at.rev === 0 ? GENESIS_CHAIN : chains.get(`${at.epoch}.${at.rev}`));
  if (positions.every((at) => look(at) !== undefined)) return look;
  const asked = JSON.stringify(positions.map(({ epoch, rev }) => ({ epoch, rev })));
  const rows = await db.execute<{ epoch: number; rev: string; chain: string }>(sql`
    with asked as (select epoch, rev from jsonb_to_recordset(${asked}::jsonb) as asked (epoch int, rev bigint))
    select epoch, rev, chain from org_change join asked using (epoch, rev) where org_id = ${orgId}
    union all
    select epoch, rev, chain from org_epoch join asked using (epoch, rev) where org_id = ${orgId}`);
  for (const { epoch, rev, chain } of rows) chains.set(`${epoch}.${Number(rev)}`, chain);
  return look;
}

/** A message of the history: a delta as it was signed, or an epoch, which is signed for whoever needs it. */
export type Step = string | EpochMessage;

/** `more`: some did not fit. */
interface Steps {
  readonly steps: readonly Step[];
  readonly more: boolean;
  readonly bytes: number;
}

/**
 * What leads from `held`, a position of this history, to `head`, oldest first, as much as fits one answer; `more` says
 * that some did not. Nothing when the next delta is no longer kept.
 */
export function stepsAfter(
  db: Database,
  orgId: string,
  held: ChainedPosition,
  head: ChainedPosition,
  room: "answer" | "beat" = "answer",
): Promise<Steps> {
  const places = [held, head].map(({ epoch, rev, chain }) => `${epoch}.${rev}.${chain}`);
  const key = [orgId, ...places, room].join("|");
  return leading(db).get(key, () => readSteps(db, orgId, held, head, room));
}

/** What is too much for one answer is not read: the window adds up lengths and leaves the values where they are. */
async function readSteps(
  db: Database,
  orgId: string,
  held: ChainedPosition,
  head: ChainedPosition,
  room: "answer" | "beat",
): Promise<Steps> {
  const rows = await db.execute<{ epoch: number; rev: string; chain: string; jws: string }>(sql`
    with next as (
      select epoch, rev, chain, jws from org_change
      where org_id = ${orgId} and (epoch, rev) > (${held.epoch}, ${held.rev}) and (epoch, rev) <= (${head.epoch}, ${head.rev})
      order by epoch, rev limit ${ROWS_MAX}
    ), measured as (
      select *, row_number() over in_order as n, sum(octet_length(jws)) over in_order as bytes
      from next window in_order as (order by epoch, rev)
    )
    select epoch, rev, chain, jws from measured
    where bytes <= ${room === "beat" ? BEAT_BYTES_MAX : ANSWER_BYTES_MAX}
      -- A delta that is larger than an answer would never arrive.
      or (n = 1 and ${room === "answer"})
    order by epoch, rev`);
  const steps: Step[] = [];
  let at = held;
  let bytes = 0;
  const reach = (epoch: number) => {
    if (epoch === at.epoch) return;
    const { rev, chain } = at;
    steps.push({ v: 1, org: orgId, epoch, continues: at.epoch, rev, chain });
    at = { epoch, rev, chain };
  };
  for (const { epoch, rev, chain, jws } of rows) {
    if (Number(rev) !== at.rev + 1) break;
    bytes += jws.length;
    reach(epoch);
    steps.push(jws);
    at = { epoch, rev: Number(rev), chain };
  }
  if (at.rev === head.rev) reach(head.epoch);
  return { steps, more: at.rev < head.rev, bytes };
}

/** As they travel. */
export function signSteps(sign: Sign, steps: readonly Step[]): Promise<string[]> {
  const signed = steps.map((step) =>
    typeof step === "string" ? step : sign("clv-epoch+jws", new TextEncoder().encode(JSON.stringify(step))),
  );
  return Promise.all(signed);
}

/** Where the organization stands, without waiting for anybody. */
export async function readHead(db: Queryable, orgId: string): Promise<ChainedPosition | undefined> {
  const rows = await db.execute<{ epoch: number; rev: string; chain: string }>(
    sql`select epoch, rev, chain from org_head where org_id = ${orgId}`,
  );
  const [row] = rows;
  return row && { ...row, rev: Number(row.rev) };
}

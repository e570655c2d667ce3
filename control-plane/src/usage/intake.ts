/**
 * Usage intake, exactly once (PROTOCOL §2.10): events, counters and the replica's cursor move in one transaction, and
 * the cursor is the only acknowledgement. Earlier events are dropped, later ones are not taken before the gap is filled,
 * or known to be one that nobody can fill.
 */

import { following } from "@claviger/shared/escrow/outbox";
import type { UsageAnswer, UsageBatch, UsageEvent } from "@claviger/shared/wire/usage";
import { sql } from "drizzle-orm";
import { chargeEvents } from "../fleet/escrow/charge.ts";
import type { Tx } from "../fleet/journal.ts";
import { pricesOf } from "../models/price.ts";
import type { Ports } from "../ports.ts";
import { costOfEvent } from "./cost.ts";
import { type Counted, countedOf } from "./figures.ts";
import { sumByKey } from "./key-sums.ts";
import { addToRollUps, dimensionOf, insertDimensions, type KeyStamp, sumsOf } from "./roll-up.ts";

export interface UsageSender {
  orgId: string;
  replicaId: string;
}

/** Takes what follows the cursor without a gap, and answers with where the cursor stands then. */
export async function takeUsage(ports: Ports, sender: UsageSender, batch: UsageBatch): Promise<UsageAnswer> {
  const { cursor, gap } = await ports.db.transaction((tx) => take(tx, ports, sender, batch));
  if (gap !== undefined) {
    const { from, to } = gap;
    const fields = { alarm: "usage_gap", replica: sender.replicaId, from, to };
    ports.log.error(fields, "usage is lost: nobody has these events any more");
  }
  return { cursor };
}

/** The cursor after this batch, and what was skipped for it. */
async function take(
  tx: Tx,
  ports: Ports,
  sender: UsageSender,
  batch: UsageBatch,
): Promise<{ cursor: number; gap?: Gap | undefined }> {
  const held = await lockCursor(tx, sender);
  if (held === undefined) return { cursor: 0 };
  const gap = gapOf(held.seq, batch);
  const from = gap?.to ?? held.seq;
  const next = following(from, batch.events);
  if (next.length === 0) return { cursor: held.seq };
  const cursor = from + next.length;
  await chargeEvents(tx, ports, sender, next);
  const stamps = await readStamps(tx, sender.orgId, next);
  const prices = await pricesOf(tx, sender.orgId, next, ports.clock.nowMs());
  const place = { orgId: sender.orgId, gatewayId: held.gatewayId };
  const counted = next.map((event) =>
    countedOf(event, dimensionOf(place, event, stamps.get(event.keyId)), (settled, usage) =>
      costOfEvent(settled, usage, prices),
    ),
  );
  // One connection: they run in this order, which is the order of locks.
  await Promise.all([
    ...(gap === undefined ? [] : [noteGap(tx, sender, held.gatewayId, gap)]),
    insertEvents(tx, sender, held.gatewayId, counted),
    insertDimensions(
      tx,
      counted.map(({ dimension }) => dimension),
    ),
    addToRollUps(tx, sumsOf(counted)),
    addToKeys(tx, sender.orgId, counted),
    tx.execute(sql`update replica_cursor set seq = ${cursor} where replica_id = ${sender.replicaId}`),
  ]);
  return { cursor, gap };
}

interface Gap {
  readonly from: number;
  readonly to: number;
}

/**
 * Events that this database has lost and the replica no longer has: it was set back further than replicas keep what was
 * acknowledged. A gap that still could be filled is none.
 */
export function gapOf(cursor: number, { events, goneUpTo = 0 }: UsageBatch): Gap | undefined {
  const first = Math.min(...events.map(({ seq }) => seq));
  return goneUpTo > cursor && first === goneUpTo + 1 ? { from: cursor + 1, to: goneUpTo } : undefined;
}

/** Without it usage would stand still for ever; with it everybody can see what is missing. */
async function noteGap(
  tx: Tx,
  { orgId, replicaId }: UsageSender,
  gatewayId: string,
  { from, to }: Gap,
): Promise<void> {
  await tx.execute(sql`
    insert into usage_gap (replica_id, from_seq, to_seq, org_id, gateway_id, noticed_at)
    values (${replicaId}, ${from}, ${to}, ${orgId}, ${gatewayId}, clock_timestamp())
    on conflict (replica_id, from_seq) do update set to_seq = excluded.to_seq, noticed_at = excluded.noticed_at`);
}

/** Undefined for a replica that the organization does not have. */
async function lockCursor(
  tx: Tx,
  sender: UsageSender,
): Promise<{ seq: number; gatewayId: string } | undefined> {
  const [replica] = await tx.execute<{ gateway_id: string }>(
    sql`select gateway_id from replica where id = ${sender.replicaId} and org_id = ${sender.orgId}`,
  );
  if (replica === undefined) return undefined;
  await tx.execute(sql`
    insert into replica_cursor (replica_id, seq) values (${sender.replicaId}, 0) on conflict do nothing`);
  const [row] = await tx.execute<{ seq: string }>(
    sql`select seq from replica_cursor where replica_id = ${sender.replicaId} for update`,
  );
  if (row === undefined) throw new Error("a cursor vanished");
  return { seq: Number(row.seq), gatewayId: replica.gateway_id };
}

async function insertEvents(
  tx: Tx,
  { orgId, replicaId }: UsageSender,
  gatewayId: string,
  counted: readonly Counted[],
): Promise<void> {
  const rows = counted.map(({ event, dimension, cost }) => ({
    dimension_id: dimension.id,
    seq: event.seq,
    key_id: event.keyId,
    kind: event.kind,
    at_ms: event.kind === "settled" ? event.startedAtMs : event.minuteMs,
    cost_n: cost?.toString() ?? null,
    event,
  }));
  await tx.execute(sql`
    insert into usage_event (replica_id, seq, org_id, gateway_id, key_id, kind, at, cost_n, dimension_id, event)
    select ${replicaId}, e.seq, ${orgId}, ${gatewayId}, e.key_id, e.kind, to_timestamp(e.at_ms / 1000.0), e.cost_n,
      e.dimension_id, e.event
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as e (seq bigint, key_id text, kind text, at_ms bigint, cost_n bigint,
        dimension_id uuid, event jsonb)`);
}

/** Owner, project and metadata of the keys as they are now. */
async function readStamps(
  tx: Tx,
  orgId: string,
  events: readonly UsageEvent[],
): Promise<ReadonlyMap<string, KeyStamp>> {
  const ids = JSON.stringify([...new Set(events.map(({ keyId }) => keyId))]);
  const rows = await tx.execute<{ [Name in keyof KeyStamp]: KeyStamp[Name] }>(sql`
    select id, project_id as "projectId", owner_id as "ownerId", kind, metadata from api_key
    where org_id = ${orgId} and id in (select jsonb_array_elements_text(${ids}::jsonb))`);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Keys in the order of their ids, so that two replicas' batches never wait for each other in a circle. */
async function addToKeys(tx: Tx, orgId: string, counted: readonly Counted[]): Promise<void> {
  const sums = [...sumByKey(counted).values()].sort((a, b) => (a.key_id < b.key_id ? -1 : 1));
  await tx.execute(sql`
    insert into key_usage (org_id, key_id, requests, refused, input_tokens, output_tokens, spent_n, unpriced,
      last_used_at)
    select ${orgId}, s.key_id, s.requests, s.refused, s.input, s.output, s.spent, s.unpriced,
      to_timestamp(s.last_ms / 1000.0)
    from jsonb_to_recordset(${JSON.stringify(sums, (_, value) => (typeof value === "bigint" ? value.toString() : value))}::jsonb)
      as s (key_id text, requests bigint, refused bigint, input bigint, output bigint, spent bigint,
        unpriced bigint, last_ms bigint)
    on conflict (org_id, key_id) do update set
      requests = key_usage.requests + excluded.requests, refused = key_usage.refused + excluded.refused,
      input_tokens = key_usage.input_tokens + excluded.input_tokens,
      output_tokens = key_usage.output_tokens + excluded.output_tokens,
      spent_n = key_usage.spent_n + excluded.spent_n, unpriced = key_usage.unpriced + excluded.unpriced,
      last_used_at = greatest(key_usage.last_used_at, excluded.last_used_at)`);
}

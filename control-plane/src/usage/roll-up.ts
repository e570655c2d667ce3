/**
 * What one batch adds to the roll-ups, computed before the database is asked: one row per grain, instant and dimension, in
 * one order that all writers share, so that no two wait for each other in a circle.
 */
import { hash } from "node:crypto";
import type { UsageEvent } from "@claviger/shared/wire/usage";
import { sql } from "drizzle-orm";
import type { Tx } from "../fleet/journal.ts";
import { type Counted, FIGURES } from "./figures.ts";
import { bucketOf, packed } from "./histogram.ts";

/** Of a key when its usage is taken in; a key that the organization does not have has none. */
export interface KeyStamp {
  readonly id: string;
  readonly projectId: string;
  readonly ownerId: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface Dimension {
  readonly id: string;
  readonly org_id: string;
  readonly key_id: string;
  readonly gateway_id: string;
  readonly project_id: string | null;
  readonly owner_id: string | null;
  readonly agent_id: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly code: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What an event is counted under. */
export function dimensionOf(
  place: { readonly orgId: string; readonly gatewayId: string },
  event: UsageEvent,
  stamp: KeyStamp | undefined,
): Dimension {
  const settled = event.kind === "settled" ? event : undefined;
  const contents = {
    org_id: place.orgId,
    key_id: event.keyId,
    gateway_id: place.gatewayId,
    project_id: stamp?.projectId ?? settled?.projectId ?? null,
    owner_id: stamp?.ownerId ?? null,
    agent_id: stamp?.kind === "agent" ? stamp.id : null,
    provider: settled?.provider ?? null,
    model: settled?.model ?? null,
    code: event.code,
    metadata: stamp?.metadata ?? {},
  };
  // 128 bits of SHA-256 in the form of a UUID.
  return { id: hash("sha256", JSON.stringify(contents)).slice(0, 32), ...contents };
}

const GRAINS = [
  ["minute", 60_000],
  ["hour", 3_600_000],
  ["day", 86_400_000],
] as const;

interface Sum {
  readonly grain: string;
  readonly atMs: number;
  readonly dimension: Dimension;
  readonly figures: number[];
  cost: bigint;
  readonly latency: Map<number, number>;
  readonly firstByte: Map<number, number>;
}

/** Rows to add, in the order in which they are locked. */
export function sumsOf(all: readonly Counted[]): object[] {
  const sums = new Map<string, Sum>();
  for (const counted of all) {
    const { event, dimension } = counted;
    const ms = event.kind === "settled" ? event.startedAtMs : event.minuteMs;
    const adds = FIGURES.map(({ of }) => of(counted));
    for (const [grain, grainMs] of GRAINS) {
      const atMs = Math.floor(ms / grainMs) * grainMs;
      const name = `${grain} ${String(atMs).padStart(16, "0")} ${dimension.id}`;
      let sum = sums.get(name);
      if (sum === undefined) {
        const figures = FIGURES.map(() => 0);
        sum = { grain, atMs, dimension, figures, cost: 0n, latency: new Map(), firstByte: new Map() };
        sums.set(name, sum);
      }
      add(sum, counted, adds);
    }
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, sum]) => ({
      grain: sum.grain,
      at_ms: sum.atMs,
      dimension_id: sum.dimension.id,
      org_id: sum.dimension.org_id,
      ...Object.fromEntries(FIGURES.map(({ column }, index) => [column, sum.figures[index]])),
      cost_n: sum.cost.toString(),
      latency: packed(sum.latency),
      first_byte: packed(sum.firstByte),
    }));
}

function add(sum: Sum, { event, cost }: Counted, adds: readonly number[]): void {
  adds.forEach((n, index) => {
    sum.figures[index] = (sum.figures[index] ?? 0) + n;
  });
  sum.cost += cost ?? 0n;
  if (event.kind === "refused") return;
  count(sum.latency, event.totalMs);
  if (event.firstByteMs !== null) count(sum.firstByte, event.firstByteMs);
}

function count(counts: Map<number, number>, ms: number): void {
  const bucket = bucketOf(ms);
  counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
}

/** Dimensions that are new, in the order of their ids. */
export async function insertDimensions(tx: Tx, dimensions: readonly Dimension[]): Promise<void> {
  const unique = [...new Map(dimensions.map((dimension) => [dimension.id, dimension])).values()];
  unique.sort((a, b) => (a.id < b.id ? -1 : 1));
  await tx.execute(sql`
    insert into usage_dimension (id, org_id, key_id, gateway_id, project_id, owner_id, agent_id, provider, model,
      code, metadata)
    select * from jsonb_to_recordset(${JSON.stringify(unique)}::jsonb)
      as d (id uuid, org_id text, key_id text, gateway_id text, project_id text, owner_id text, agent_id text,
        provider text, model text, code text, metadata jsonb)
    on conflict (id) do nothing`);
}

const COLUMNS = FIGURES.map(({ column }) => column);
const NAMES = COLUMNS.join(", ");
const TYPED = COLUMNS.map((column) => `${column} bigint`).join(", ");
const ADDED = COLUMNS.map((column) => `${column} = held.${column} + excluded.${column}`).join(", ");

/** Adds these rows to all grains in one statement. */
export async function addToRollUps(tx: Tx, sums: readonly object[]): Promise<void> {
  await tx.execute(sql`
    insert into usage_rollup as held (grain, at, dimension_id, org_id, ${sql.raw(NAMES)}, cost_n, latency, first_byte)
    select grain, to_timestamp(at_ms / 1000.0), dimension_id, org_id, ${sql.raw(NAMES)}, cost_n, latency, first_byte
    from jsonb_to_recordset(${JSON.stringify(sums)}::jsonb)
      as s (grain text, at_ms bigint, dimension_id uuid, org_id text, ${sql.raw(TYPED)}, cost_n bigint,
        latency bigint[], first_byte bigint[])
    on conflict (grain, at, dimension_id) do update set ${sql.raw(ADDED)}, cost_n = held.cost_n + excluded.cost_n,
      latency = ${merged("latency")}, first_byte = ${merged("first_byte")}`);
}

/** Buckets of both sides, each once. */
function merged(column: "latency" | "first_byte") {
  return sql.raw(`coalesce((select array_agg((bucket << 40) + n) from (
    select v >> 40 as bucket, sum(v & 1099511627775)::bigint as n
    from unnest(held.${column} || excluded.${column}) v group by 1) buckets), '{}')`);
}

/**
 * What one batch adds to the roll-ups, computed before the database is asked: one row per grain, instant and dimension, in
 * one order that all writers share, so that no two wait for each other in a circle.
 */
import { hash } from "node:crypto";
import type { UsageEvent } from "@claviger/shared/wire/usage";
import { sql } from "drizzle-orm";
import type { Tx } from "../fleet/journal.ts";
import { costOfEvent } from "./cost.ts";
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
  readonly dimensionId: string;
  readonly figures: Record<keyof typeof NOTHING, number>;
  cost: bigint;
  readonly latency: Map<number, number>;
  readonly firstByte: Map<number, number>;
}

const NOTHING = {
  requests: 0,
  errors: 0,
  refused: 0,
  input_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  unpriced: 0,
};

/** Rows to add, in the order in which they are locked. */
export function sumsOf(events: readonly { event: UsageEvent; dimension: Dimension }[]): object[] {
  const sums = new Map<string, Sum>();
  for (const { event, dimension } of events) {
    const ms = event.kind === "settled" ? event.startedAtMs : event.minuteMs;
    for (const [grain, grainMs] of GRAINS) {
      const atMs = Math.floor(ms / grainMs) * grainMs;
      const name = `${grain} ${String(atMs).padStart(16, "0")} ${dimension.id}`;
      let sum = sums.get(name);
      if (sum === undefined) {
        const figures = { ...NOTHING };
        const dimensionId = dimension.id;
        sum = { grain, atMs, dimensionId, figures, cost: 0n, latency: new Map(), firstByte: new Map() };
        sums.set(name, sum);
      }
      add(sum, event);
    }
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, sum]) => ({
      grain: sum.grain,
      at_ms: sum.atMs,
      dimension_id: sum.dimensionId,
      ...sum.figures,
      cost_n: sum.cost.toString(),
      latency: packed(sum.latency),
      first_byte: packed(sum.firstByte),
    }));
}

function add(sum: Sum, event: UsageEvent): void {
  const { figures } = sum;
  if (event.kind === "refused") {
    figures.refused += event.n;
    return;
  }
  figures.requests += 1;
  if (event.status >= 400 || event.code !== null) figures.errors += 1;
  const { input, cacheRead, cacheWrite, output, reasoning } = event.tokens;
  figures.input_tokens += input ?? 0;
  figures.cache_read_tokens += cacheRead ?? 0;
  figures.cache_write_tokens += cacheWrite ?? 0;
  figures.output_tokens += output ?? 0;
  figures.reasoning_tokens += reasoning ?? 0;
  const cost = costOfEvent(event);
  if (cost === null) figures.unpriced += 1;
  else sum.cost += cost;
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

/** Adds these rows to all grains in one statement. */
export async function addToRollUps(tx: Tx, sums: readonly object[]): Promise<void> {
  await tx.execute(sql`
    insert into usage_rollup as held (grain, at, dimension_id, requests, errors, refused, input_tokens,
      cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_n, unpriced, latency, first_byte)
    select grain, to_timestamp(at_ms / 1000.0), dimension_id, requests, errors, refused, input_tokens,
      cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_n, unpriced, latency, first_byte
    from jsonb_to_recordset(${JSON.stringify(sums)}::jsonb)
      as s (grain text, at_ms bigint, dimension_id uuid, requests bigint, errors bigint, refused bigint,
        input_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, output_tokens bigint,
        reasoning_tokens bigint, cost_n bigint, unpriced bigint, latency bigint[], first_byte bigint[])
    on conflict (grain, at, dimension_id) do update set
      requests = held.requests + excluded.requests, errors = held.errors + excluded.errors,
      refused = held.refused + excluded.refused, input_tokens = held.input_tokens + excluded.input_tokens,
      cache_read_tokens = held.cache_read_tokens + excluded.cache_read_tokens,
      cache_write_tokens = held.cache_write_tokens + excluded.cache_write_tokens,
      output_tokens = held.output_tokens + excluded.output_tokens,
      reasoning_tokens = held.reasoning_tokens + excluded.reasoning_tokens,
      cost_n = held.cost_n + excluded.cost_n, unpriced = held.unpriced + excluded.unpriced,
      latency = ${merged("latency")}, first_byte = ${merged("first_byte")}`);
}

/** Buckets of both sides, each once. */
function merged(column: "latency" | "first_byte") {
  return sql.raw(`coalesce((select array_agg((bucket << 40) + n) from (
    select v >> 40 as bucket, sum(v & 1099511627775)::bigint as n
    from unnest(held.${column} || excluded.${column}) v group by 1) buckets), '{}')`);
}

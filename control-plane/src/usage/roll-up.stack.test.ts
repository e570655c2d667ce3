import { foldUsage } from "@claviger/shared/money/usage";
import type { UsageEvent } from "@claviger/shared/wire/usage";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keepPartitions } from "../db/partitions.ts";
import { startCluster, type TestCluster, type TestProcess } from "../fleet/testing/control-plane.ts";
import { startFakeReplica } from "../fleet/testing/fake-replica.ts";
import { createTestOrganization } from "../fleet/testing/organization.ts";
import { takeUsage } from "./intake.ts";
import { makeEvent } from "./testing/events.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2027, 2, 4, 12);

let cluster: TestCluster;
let cps: readonly TestProcess[];

beforeAll(async () => {
  cluster = await startCluster();
  cps = [await cluster.start(), await cluster.start({ serve: false })];
});
afterAll(async () => {
  await cluster?.stop();
});

const db = () => (cps[0] as TestProcess).ports.db;

async function twoReplicas() {
  const ports = (cps[0] as TestProcess).ports;
  const { orgId } = await createTestOrganization(ports);
  const replicas = [
    await startFakeReplica(ports, orgId, "eu-1"),
    await startFakeReplica(ports, orgId, "us-1"),
  ];
  await Promise.all(replicas.map((replica) => replica.close()));
  return { orgId, senders: replicas.map(({ id }) => ({ orgId, replicaId: id })) };
}

async function figuresOf(orgId: string) {
  return db().execute(sql`
    select r.grain, sum(requests)::int as requests, sum(refused)::int as refused, sum(cost_n)::text as cost,
      sum(input_tokens)::text as input, sum(unpriced)::int as unpriced,
      sum((select sum(v & 1099511627775) from unnest(latency) v))::int as timed
    from usage_rollup r join usage_dimension d on d.id = r.dimension_id where d.org_id = ${orgId}
    group by 1 order by 1`);
}

async function recordedOf(orgId: string) {
  const [row] = await db().execute(sql`
    select count(*) filter (where kind = 'settled')::int as requests,
      coalesce(sum((event->>'n')::int) filter (where kind = 'refused'), 0)::int as refused,
      sum(cost_n)::text as cost, sum((event->'tokens'->>'input')::bigint)::text as input,
      count(*) filter (where kind = 'settled' and cost_n is null)::int as unpriced,
      count(*) filter (where kind = 'settled')::int as timed
    from usage_event where org_id = ${orgId}`);
  return row;
}

test("two control planes take in two replicas at once, batches come twice, and every grain says what was recorded", async () => {
  const { orgId, senders } = await twoReplicas();
  await Promise.all(
    senders.map(async (sender, which) => {
      for (let first = 1; first <= 400; first += 50) {
        const events = Array.from({ length: 50 }, (_, n) => makeEvent(first + n, NOW_MS, first + n + which));
        // By both processes at once, as after a lost answer.
        const batch = { v: 1 as const, events };
        const answers = await Promise.all(cps.map(({ ports }) => takeUsage(ports, sender, batch)));
        expect(answers).toEqual([{ cursor: first + 49 }, { cursor: first + 49 }]);
      }
    }),
  );
  const recorded = await recordedOf(orgId);
  const figures = await figuresOf(orgId);
  expect(recorded).toMatchObject({ requests: 720, refused: 240 });
  expect(figures).toEqual(["day", "hour", "minute"].map((grain) => ({ grain, ...recorded })));
});

test("every bucket is counted apart, in each grain, and no token in two", async () => {
  const { orgId, senders } = await twoReplicas();
  const [[cp], [sender]] = [cps, senders];
  if (cp === undefined || sender === undefined) throw new Error("nothing started");
  const usage = {
    ...{
      input: 1,
      cacheRead: 20,
      cacheWrite: 300,
      cacheWriteLong: 4_000,
      output: 50_000,
      reasoning: 600_000,
    },
    ...{ audioInput: 7, audioOutput: 80, imageInput: 900, imageOutput: 1_000, images: 2, searches: 3 },
  };
  const event = { ...makeEvent(1, NOW_MS, 1), tokens: foldUsage(usage) } as UsageEvent;
  await takeUsage(cp.ports, sender, { v: 1, events: [event, { ...event, seq: 2 }] });
  const rows = await db().execute(sql`
    select org_id, input_tokens::int as input, cache_read_tokens::int as "cacheRead",
      cache_write_tokens::int as "cacheWrite", cache_write_long_tokens::int as "cacheWriteLong",
      output_tokens::int as output, reasoning_tokens::int as reasoning, audio_input_tokens::int as "audioInput",
      audio_output_tokens::int as "audioOutput", image_input_tokens::int as "imageInput",
      image_output_tokens::int as "imageOutput", images::int as images, searches::int as searches
    from usage_rollup where org_id = ${orgId}`);
  const twice = Object.fromEntries(Object.entries(usage).map(([name, n]) => [name, 2 * n]));
  expect(rows).toEqual([1, 2, 3].map(() => ({ org_id: orgId, ...twice })));
});

test("a request is counted once however many attempts it takes; each attempt counts its tokens and its failure", async () => {
  const { orgId, senders } = await twoReplicas();
  const [[cp], [sender]] = [cps, senders];
  if (cp === undefined || sender === undefined) throw new Error("nothing started");
  const attempt = (seq: number, attempt: number, code: string | null) =>
    ({ ...makeEvent(seq, NOW_MS, 2), attempt, code, status: code === null ? 200 : 502 }) as UsageEvent;
  const events = [attempt(1, 1, "provider_error"), attempt(2, 2, "provider_timeout"), attempt(3, 3, null)];
  await takeUsage(cp.ports, sender, { v: 1, events });
  const [row] = await db().execute(sql`
    select sum(requests)::int as requests, sum(retries)::int as retries, sum(errors)::int as errors,
      sum(input_tokens)::int as input, (select requests::int from key_usage where org_id = ${orgId}) as of_key
    from usage_rollup where org_id = ${orgId} and grain = 'day'`);
  expect(row).toEqual({ requests: 1, retries: 2, errors: 2, input: 6, of_key: 1 });
});

test("a process of the version before writes without an organization and without the finer buckets: both are filled in", async () => {
  const { orgId, senders } = await twoReplicas();
  const [[cp], [sender]] = [cps, senders];
  if (cp === undefined || sender === undefined) throw new Error("nothing started");
  await takeUsage(cp.ports, sender, { v: 1, events: [makeEvent(1, NOW_MS, 1)] });
  // In the words of that version, onto the same row and onto a new one.
  for (const at of [NOW_MS, NOW_MS + 3_600_000]) {
    await db().execute(sql`
      insert into usage_rollup as held (grain, at, dimension_id, requests, errors, refused, input_tokens,
        cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_n, unpriced, latency, first_byte)
      select 'hour', ${new Date(at).toISOString()}::timestamptz, id, 1, 0, 0, 5, 0, 0, 0, 0, 0, 0, '{}', '{}'
      from usage_dimension where org_id = ${orgId}
      on conflict (grain, at, dimension_id) do update set requests = held.requests + excluded.requests`);
  }
  const rows = await db().execute(sql`
    select requests::int as requests, images::int as images from usage_rollup
    where org_id = ${orgId} and grain = 'hour' order by at`);
  expect(rows).toEqual([
    { requests: 2, images: 0 },
    { requests: 1, images: 0 },
  ]);
});

test("a late event lands in its own minute, hour and day, and in no other", async () => {
  const { orgId, senders } = await twoReplicas();
  const [sender] = senders;
  if (sender === undefined) throw new Error("no replica");
  const [ports] = cps.map((cp) => cp.ports);
  if (ports === undefined) throw new Error("no process");
  const lateMs = NOW_MS - 3 * DAY_MS + 61_000;
  const events: UsageEvent[] = [makeEvent(1, NOW_MS, 1), { ...makeEvent(2, lateMs, 1) }];
  await takeUsage(ports, sender, { v: 1, events });
  const rows = await db().execute(sql`
    select grain, extract(epoch from at)::bigint * 1000 as at, requests::int from usage_rollup
    join usage_dimension d on d.id = dimension_id where d.org_id = ${orgId} order by 1, 2`);
  const floor = (ms: number, grainMs: number) => String(Math.floor(ms / grainMs) * grainMs);
  const at = (grain: string, grainMs: number) =>
    [lateMs, NOW_MS].map((ms) => ({ grain, at: floor(ms, grainMs), requests: 1 }));
  expect(rows).toEqual([...at("day", DAY_MS), ...at("hour", 3_600_000), ...at("minute", 60_000)]);
});

test("partitions come and go under two processes at once, and what came before its partition moves into it", async () => {
  const { orgId, senders } = await twoReplicas();
  const futureMs = NOW_MS + 400 * DAY_MS;
  const [cp] = cps;
  const [sender] = senders;
  if (cp === undefined || sender === undefined) throw new Error("nothing started");
  await takeUsage(cp.ports, sender, { v: 1, events: [makeEvent(1, futureMs, 1)] });
  const before = await figuresOf(orgId);
  await Promise.all(cps.map(({ ports }) => keepPartitions(ports.db, futureMs)));
  expect(await figuresOf(orgId)).toEqual(before);
  expect(await partitionOf(orgId, "minute")).toBe(
    `usage_minute_${new Date(futureMs).toISOString().slice(0, 10).replaceAll("-", "")}`,
  );
  await Promise.all(cps.map(({ ports }) => keepPartitions(ports.db, futureMs + 60 * DAY_MS)));
  expect(await partitionOf(orgId, "minute")).toBeUndefined();
  expect(await partitionOf(orgId, "hour")).toMatch(/^usage_hour_\d{6}01$/);
  // Intake does not care: without a partition it goes to the rest.
  expect(await takeUsage(cp.ports, sender, { v: 1, events: [makeEvent(2, futureMs, 1)] })).toEqual({
    cursor: 2,
  });
  expect(await partitionOf(orgId, "minute")).toBe("usage_minute_rest");
});

async function partitionOf(orgId: string, grain: string): Promise<string | undefined> {
  const [row] = await db().execute<{ name: string }>(sql`
    select r.tableoid::regclass::text as name from usage_rollup r join usage_dimension d on d.id = r.dimension_id
    where d.org_id = ${orgId} and r.grain = ${grain}`);
  return row?.name;
}

import { replicaSubjects } from "@claviger/shared/wire/subjects";
import type { UsageEvent } from "@claviger/shared/wire/usage";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster, type TestCluster, type TestProcess } from "../fleet/testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "../fleet/testing/fake-replica.ts";
import { createTestOrganization } from "../fleet/testing/organization.ts";
import { readStatus } from "../status/read.ts";
import { takeUsage } from "./intake.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterAll(async () => {
  await cluster?.stop();
});

const KEY = "key_000000000000";

function settled(seq: number): UsageEvent {
  return {
    kind: "settled",
    seq,
    keyId: KEY,
    generation: 1,
    projectId: "prj_000000000000",
    requestId: `req_${seq}`,
    surface: "chat",
    provider: "sandbox",
    llmKeyId: "llm_000000000000",
    model: "echo",
    status: 200,
    code: null,
    tokens: { input: 3, cacheRead: 2, cacheWrite: null, output: 7, reasoning: null },
    basis: "provider",
    startedAtMs: 1_790_000_000_000 + seq,
    firstByteMs: 5,
    totalMs: 9,
    ipPrefix: "127.0.0.0/24",
  };
}

async function send(
  replica: FakeReplica,
  events: readonly UsageEvent[],
  goneUpTo?: number,
  timeout = 30_000,
): Promise<number> {
  const answer = await replica.connection.request(
    replicaSubjects.usage(replica.id),
    JSON.stringify({ v: 1, events, ...(goneUpTo === undefined ? {} : { goneUpTo }) }),
    { timeout },
  );
  return answer.json<{ cursor: number }>().cursor;
}

async function countsOf(orgId: string, replica: FakeReplica) {
  const [row] = await cp.ports.db.execute<Record<string, number>>(sql`
    select
      (select count(*)::int from usage_event where replica_id = ${replica.id}) as events,
      (select max(seq)::int from usage_event where replica_id = ${replica.id}) as last,
      (select requests::int from key_usage where org_id = ${orgId} and key_id = ${KEY}) as requests,
      (select refused::int from key_usage where org_id = ${orgId} and key_id = ${KEY}) as refused,
      (select input_tokens::int from key_usage where org_id = ${orgId} and key_id = ${KEY}) as input,
      (select spent_n::int from key_usage where org_id = ${orgId} and key_id = ${KEY}) as spent,
      (select unpriced::int from key_usage where org_id = ${orgId} and key_id = ${KEY}) as unpriced,
      (select sum(cost_n)::int from usage_event where org_id = ${orgId} and key_id = ${KEY}) as costs,
      (select output_tokens::int from key_usage where org_id = ${orgId} and key_id = ${KEY}) as output`);
  return { ...row };
}

test("events count once under lost answers, duplicates, overlaps, reordering and gaps (I13)", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  const events = Array.from({ length: 60 }, (_, index) => settled(index + 1));
  events[59] = { ...events[59], model: "of-no-price" } as UsageEvent;
  expect(await send(replica, events.slice(10, 20))).toBe(0);
  // The same and overlapping batches at once, as a replica does that has lost every answer.
  await Promise.all([
    send(replica, events.slice(0, 10)),
    send(replica, events.slice(0, 25)),
    send(replica, events.slice(5, 30).reverse()),
    send(replica, events.slice(0, 10)),
  ]);
  let cursor = 0;
  while (cursor < 60) cursor = await send(replica, events.slice(Math.max(0, cursor - 3), cursor + 9));
  const refusal = {
    kind: "refused",
    seq: 61,
    keyId: KEY,
    code: "key_revoked",
    minuteMs: 60_000,
    n: 4,
  } as const;
  expect(await send(replica, [refusal])).toBe(61);
  expect(await send(replica, [refusal])).toBe(61);
  expect(await countsOf(orgId, replica)).toEqual({
    events: 61,
    last: 61,
    requests: 60,
    refused: 4,
    input: 300,
    output: 420,
    // 3 fresh at 1000 nano-dollars, 2 cached at 100, 7 written at 2000, but for the last, whose model has no price.
    spent: 59 * 17_200,
    costs: 59 * 17_200,
    unpriced: 1,
  });
  expect((await replica.beat({ usage: { nextSeq: 62 } })).usageCursor).toBe(61);
  await replica.close();
});

test("two replicas that report the same keys at once neither block nor lose anything", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const both = [
    await startFakeReplica(cp.ports, orgId, "eu-1"),
    await startFakeReplica(cp.ports, orgId, "us-1"),
  ];
  await Promise.all(
    both.map(async (replica, which) => {
      for (let seq = 1; seq <= 20; seq++) {
        const keys = ["key_00000000000a", KEY].map((keyId) => keyId);
        const ordered = which === 0 ? keys : keys.reverse();
        const events = ordered.map((keyId, index) => ({ ...settled(seq * 2 - 1 + index), keyId }));
        await send(replica, events);
      }
    }),
  );
  const [row] = await cp.ports.db.execute(sql`
    select sum(requests)::int as requests, count(*)::int as keys from key_usage where org_id = ${orgId}`);
  expect(row).toEqual({ requests: 80, keys: 2 });
  await Promise.all(both.map((replica) => replica.close()));
});

test("an event that the wire does not know is not acknowledged", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await expect(send(replica, [{ ...settled(1), status: "ok" } as never], undefined, 5_000)).rejects.toThrow();
  expect(await send(replica, [settled(1)])).toBe(1);
  await replica.close();
});

test("a batch of the largest counts that the wire takes fits into all sums", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  const tokens = { input: 1e9, cacheRead: 1e9, cacheWrite: null, output: 1e9, reasoning: 1e9 };
  const events = Array.from({ length: 500 }, (_, n): UsageEvent => {
    const event = settled(n + 1);
    return { ...event, tokens, cost: "1000000000000000" } as UsageEvent;
  });
  expect(await send(replica, events)).toBe(500);
  const [row] = await cp.ports.db.execute(sql`
    select input_tokens::text as input, spent_n::text as spent from key_usage where org_id = ${orgId}`);
  expect(row).toEqual({ input: "1000000000000", spent: "500000000000000000" });
  await replica.close();
});

const alarmsOf = ({ id }: FakeReplica) =>
  cp.log.lines
    .map(({ fields }) => fields as Record<string, unknown>)
    .filter(({ alarm, replica }) => alarm === "usage_gap" && replica === id);

test("a gap is told when it is committed, not when a transaction that fails has seen it", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  const sender = { orgId, replicaId: replica.id };
  // No table has such a time, so that everything is rolled back.
  const broken = { ...settled(10), startedAtMs: 1e18 } as UsageEvent;
  await expect(takeUsage(cp.ports, sender, { v: 1, events: [broken], goneUpTo: 9 })).rejects.toThrow();
  expect(alarmsOf(replica)).toEqual([]);
  const next = { v: 1 as const, events: [settled(10)], goneUpTo: 9 };
  expect(await takeUsage(cp.ports, sender, next)).toEqual({ cursor: 10 });
  expect(alarmsOf(replica)).toEqual([{ alarm: "usage_gap", replica: replica.id, from: 1, to: 9 }]);
  await replica.close();
});

test("a gap that nobody can fill is skipped once, with an alarm, and status says how much is missing", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  const events = Array.from({ length: 20 }, (_, index) => settled(index + 1));
  expect(await send(replica, events.slice(0, 4))).toBe(4);
  const before = await lostOf();
  // Control: without the replica's word that they are gone, later events wait for those between.
  expect(await send(replica, events.slice(9, 12))).toBe(4);
  // A word that does not fit what follows it says nothing.
  expect(await send(replica, events.slice(11, 12), 10)).toBe(4);
  expect(await send(replica, events.slice(0, 4), 3)).toBe(4);
  expect(await send(replica, events.slice(9, 12), 9)).toBe(12);
  // Said again by a retry, it is nothing new.
  expect(await send(replica, events.slice(9, 14), 9)).toBe(14);
  expect(await countsOf(orgId, replica)).toMatchObject({ events: 9, last: 14, requests: 9 });
  expect((await lostOf()) - before).toBe(5);
  expect(alarmsOf(replica)).toEqual([{ alarm: "usage_gap", replica: replica.id, from: 5, to: 9 }]);
  await replica.close();
});

async function lostOf(): Promise<number> {
  return (await readStatus(cp.ports)).usageGaps.reduce((sum, { events }) => sum + events, 0);
}

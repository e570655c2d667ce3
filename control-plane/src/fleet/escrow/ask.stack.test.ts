import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster, type TestCluster, type TestProcess } from "../testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "../testing/fake-replica.ts";
import { ask, bootOfFake } from "../testing/fake-spender.ts";
import { createTestOrganization } from "../testing/organization.ts";
import { ledgerOf, lowerTestLimit, putTestBudget } from "./testing/budget.ts";

let cluster: TestCluster;
/** Two processes of the control plane share database and bus; each question goes to one of them. */
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
  await cluster.start();
}, 60_000);
afterAll(async () => {
  await cluster?.stop();
});

async function fleetOf(count: number): Promise<{ orgId: string; replicas: FakeReplica[] }> {
  const { orgId } = await createTestOrganization(cp.ports);
  const replicas: FakeReplica[] = [];
  for (let i = 0; i < count; i++) replicas.push(await startFakeReplica(cp.ports, orgId, `gw-${i}`));
  return { orgId, replicas };
}

function question(replica: FakeReplica, budget: string, n: number, nanos: bigint) {
  const boot = bootOfFake(replica);
  const amount = String(nanos);
  return {
    v: 1,
    req: `${replica.id}.${boot}.${n}`,
    budget,
    boot,
    min: amount,
    bound: amount,
    want: amount,
  } as const;
}

const closeAll = (replicas: readonly FakeReplica[]) => Promise.all(replicas.map((one) => one.close()));

test("400 questions at once, many of them twice, to two control planes: one slice each, and never above the limit", async () => {
  const { orgId, replicas } = await fleetOf(4);
  const budget = await putTestBudget(cp.ports, orgId, { limit: 1_000n });
  const asked = Array.from({ length: 400 }, (_, i) => {
    const replica = replicas[i % 4] as FakeReplica;
    // Each question comes twice or so.
    return { replica, question: question(replica, budget, Math.floor(i / 8), 7n) };
  });
  const answers = await Promise.all(asked.map(({ replica, question }) => ask(replica, question)));
  const byReq = new Map<string, Set<string>>();
  answers.forEach((answer, i) => {
    const req = asked[i]?.question.req ?? "";
    byReq.set(req, (byReq.get(req) ?? new Set()).add("slice" in answer ? answer.slice : "denied"));
  });
  expect(byReq.size).toBe(200);
  const slices = [...byReq.values()].filter((of) => !of.has("denied"));
  // 142 · 7 = 994 of 1000; whoever was denied and asked again was denied again, for nothing came back.
  expect(slices.length).toBe(142);
  expect([...byReq.values()].every((of) => of.size === 1)).toBe(true);
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ open: 994n, spent: 0n, slices: 142, sum: 994n });
  await closeAll(replicas);
}, 120_000);

test("what only open slices hold is not exhausted, and its holders are asked for it at once", async () => {
  const { orgId, replicas } = await fleetOf(2);
  const [holder, asker] = replicas as [FakeReplica, FakeReplica];
  const budget = await putTestBudget(cp.ports, orgId, { limit: 100n });
  await Promise.all(replicas.map((one) => one.beat()));
  const poked = Promise.withResolvers<void>();
  holder.connection.subscribe(`dn.gw.${holder.id}`, { callback: () => poked.resolve() });
  await holder.connection.flush();
  expect(await ask(holder, question(holder, budget, 1, 100n))).toHaveProperty("slice");
  expect(await ask(asker, question(asker, budget, 1, 10n))).toEqual({
    ...{ denied: "no_headroom", spent: "0", limit: "100" },
  });
  await poked.promise;
  expect(await ask(asker, question(asker, budget, 2, 101n))).toMatchObject({ denied: "exhausted" });
  await closeAll(replicas);
}, 60_000);

test("a process that was replaced, and a replica of another organization, get nothing of a budget", async () => {
  const { orgId, replicas } = await fleetOf(1);
  const [replica] = replicas as [FakeReplica];
  const budget = await putTestBudget(cp.ports, orgId, { limit: 100n });
  await replica.beat({ boot: "5.AAAAAAAAAAAA" });
  const old = question(replica, budget, 1, 1n);
  const body = JSON.stringify(old);
  await expect(replica.connection.request(`up.${replica.id}.esc`, body, { timeout: 700 })).rejects.toThrow();
  const stranger = await fleetOf(1);
  const [other] = stranger.replicas as [FakeReplica];
  expect(await ask(other, question(other, budget, 1, 1n))).toEqual({
    ...{ denied: "no_headroom", spent: "0", limit: "0" },
  });
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ slices: 0 });
  await closeAll([...replicas, ...stranger.replicas]);
}, 60_000);

test("questions that race a lowered limit: nothing is issued above it once it stands, whatever the order", async () => {
  const { orgId, replicas } = await fleetOf(2);
  for (let round = 0; round < 6; round++) {
    const budget = await putTestBudget(cp.ports, orgId, { limit: 1_000n });
    const asks = Array.from({ length: 40 }, (_, i) => {
      const replica = replicas[i % 2] as FakeReplica;
      return ask(replica, question(replica, budget, round * 100 + i, 10n));
    });
    const lowered = lowerTestLimit(cp.ports, orgId, budget, 100n).then(() => ledgerOf(cp.ports, budget));
    await Promise.all(asks);
    const [then, now] = [await lowered, await ledgerOf(cp.ports, budget)];
    // What was out when it was lowered is out; from there it only fills up to the limit.
    expect(now.sum).toBeLessThanOrEqual(then.sum > 100n ? then.sum : 100n);
    expect(now).toMatchObject({ limit: 100n, open: now.sum, shrinking: now.sum > 100n });
  }
  const rows = await cp.ports.db.execute(sql`
    select 1 from budget_period where spent_n + open_n > limit_n and not shrinking`);
  expect(rows).toHaveLength(0);
  await closeAll(replicas);
}, 120_000);

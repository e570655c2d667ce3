import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster, type TestCluster, type TestProcess } from "../fleet/testing/control-plane.ts";
import { startFakeReplica } from "../fleet/testing/fake-replica.ts";
import { settledEvent } from "../fleet/testing/fake-spender.ts";
import { createTestOrganization } from "../fleet/testing/organization.ts";
import { takeUsage } from "./intake.ts";
import { pruneEvents } from "./retention.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
});

test("events older than they are kept are dropped; roll-ups stay, the cursor stands, and none of them is taken again", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  const sender = { orgId, replicaId: replica.id };
  const old = settledEvent(1, { startedAtMs: Date.now() - 40 * 86_400_000 });
  const batch = { v: 1, events: [old, settledEvent(2, {})] } as Parameters<typeof takeUsage>[2];
  expect(await takeUsage(cp.ports, sender, batch)).toEqual({ cursor: 2 });
  const seqs = async () => {
    const rows = await cp.ports.db.execute<{ seq: string }>(
      sql`select seq::text from usage_event where org_id = ${orgId} order by seq`,
    );
    return rows.map(({ seq }) => Number(seq));
  };
  const counted = async () => {
    const [row] = await cp.ports.db.execute<{ n: string }>(sql`
      select sum(r.requests)::text as n from usage_rollup r join usage_dimension d on d.id = r.dimension_id
      where d.org_id = ${orgId} and r.grain = 'day'`);
    return Number(row?.n);
  };
  await pruneEvents(cp.ports, 50);
  expect(await seqs()).toEqual([1, 2]);
  await pruneEvents(cp.ports, 30);
  expect(await seqs()).toEqual([2]);
  expect(await takeUsage(cp.ports, sender, batch)).toEqual({ cursor: 2 });
  expect(await seqs()).toEqual([2]);
  expect(await counted()).toBe(2);
  await replica.close();
}, 120_000);

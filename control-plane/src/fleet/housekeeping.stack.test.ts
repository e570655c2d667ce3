import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { pruneFleet } from "./housekeeping.ts";
import { readOperation, type SettledTo, settleOperations } from "./operations.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization, putTestKey, testKey } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterAll(async () => {
  await cluster?.stop();
});

async function stalenessRows(orgId: string): Promise<number[]> {
  const rows = await cp.ports.db.execute<{ s: number }>(
    sql`select max_staleness_s as s from key_staleness where org_id = ${orgId} order by rev`,
  );
  return rows.map(({ s }) => s);
}

test("versions that a replica may still hold are kept, whatever is pruned, so no promised moment changes", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.beat();
  const key = testKey(projectId, { maxStalenessSeconds: 7_200 });
  await putTestKey(cp.ports, orgId, key, "giving");
  await replica.catchUp();
  await replica.beat();
  replica.following = false;
  const shorter = { ...key, maxStalenessSeconds: 60 };
  await putTestKey(cp.ports, orgId, shorter, "restrictive");
  const revoked = await putTestKey(cp.ports, orgId, { ...shorter, status: "revoked" }, "restrictive");
  const before = await readOperation(cp.ports, orgId, revoked.operationId);
  await pruneFleet(cp.ports);
  expect(await stalenessRows(orgId)).toEqual([7_200, 60, 0]);
  expect((await readOperation(cp.ports, orgId, revoked.operationId))?.safeBy).toBe(before?.safeBy);
  await replica.catchUp();
  await replica.beat();
  await pruneFleet(cp.ports);
  expect(await stalenessRows(orgId)).toEqual([0]);
  await replica.close();
});

test("old changes are dropped once published, and a replica from before them is given a snapshot", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.beat();
  await replica.catchUp();
  replica.following = false;
  for (let i = 0; i < 3; i++) await putTestKey(cp.ports, orgId, testKey(projectId), "giving");
  await cp.ports.db.execute(sql`
    update org_change set created_at = now() - interval '36 days', published_at = now() where org_id = ${orgId}`);
  await pruneFleet(cp.ports);
  expect((await replica.beat()).resync).toBe(true);
  await cp.ports.db.execute(
    sql`update snapshot set built_at = now() - interval '2 minutes' where org_id = ${orgId}`,
  );
  await replica.catchUp();
  expect((await replica.beat()).asOf).toBe(replica.held.rev);
  await replica.close();
});

async function openOperations(orgId: string): Promise<number> {
  const [row] = await cp.ports.db.execute<{ n: number }>(
    sql`select count(*)::int as n from barrier_op where org_id = ${orgId} and done_at is null`,
  );
  return row?.n ?? 0;
}

test("however many operations are open, each is looked at in its turn", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  await cp.ports.db.execute(sql`
    insert into barrier_op (id, org_id, epoch, rev, kind, keys, created_at, committed_at)
    select 'op_' || n, ${orgId}, 1, 0, 'giving', '[]', now(), now() - n * interval '1 minute'
    from generate_series(1, 450) as n`);
  // Open for good, and newer than all of them: its replica is away.
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.beat();
  await replica.close();
  await cp.ports.db.execute(sql`
    insert into barrier_op (id, org_id, epoch, rev, kind, keys, created_at, committed_at)
    select 'op_open_' || n, ${orgId}, 1, 1000, 'giving', '[]', now(), now() + interval '1 second'
    from generate_series(1, 250) as n`);
  let from: SettledTo | undefined;
  let calls = 0;
  do {
    from = await settleOperations(cp.ports, from);
    calls += 1;
  } while (from !== undefined);
  expect(calls).toBe(4);
  await vi.waitFor(async () => expect(await openOperations(orgId)).toBe(250), { timeout: 30_000 });
});

test("operations are kept as long as changes, whether or not everybody confirmed", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  await cp.ports.db.execute(sql`
    insert into barrier_op (id, org_id, epoch, rev, kind, keys, created_at, committed_at, done_at)
    select 'op_kept_' || days, ${orgId}, 1, 0, 'restrictive', '[]', now(), now() - days * interval '1 day',
      case when days in (34, 36) then now() end
    from unnest(array[34, 36, 37]) as days`);
  await pruneFleet(cp.ports);
  const rows = await cp.ports.db.execute(sql`select id from barrier_op where id like 'op_kept_%'`);
  expect([...rows]).toEqual([{ id: "op_kept_34" }]);
});

/** Another server or timeline is played by changing what the cluster's row remembers; the real thing is infra/failover. */
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { readStoredOperation, viewOperation } from "./barrier.ts";
import { lookAtPast } from "./epochs.ts";
import { snapshotFor } from "./snapshot.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization, putTestKey, testKey } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;
const open: FakeReplica[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((replica) => replica.close()));
});
afterAll(async () => {
  await cluster?.stop();
});

async function attach(orgId: string, name: string): Promise<FakeReplica> {
  const replica = await startFakeReplica(cp.ports, orgId, name);
  open.push(replica);
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  return replica;
}

/** From now on this is a server that nobody has looked at. */
const forgetServer = () => cp.ports.db.execute(sql`update cp_cluster set timeline = timeline + 1000`);

const contentOf = (jws: string): unknown =>
  JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString());

async function rowsOf(orgId: string) {
  const rows = await cp.ports.db.execute<{ epoch: number; why: string; loss: string }>(
    sql`select epoch, why, loss from org_epoch where org_id = ${orgId} order by epoch`,
  );
  return [...rows];
}

test("many processes that look at a new server at once raise each epoch by one, and a look at a known one writes nothing", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const other = await cluster.start({ serve: false });
  await forgetServer();
  await Promise.all([cp, other, cp, other, cp, other].map(({ ports }) => lookAtPast(ports)));
  expect(await rowsOf(orgId)).toEqual([{ epoch: 2, why: "server", loss: "possible" }]);
  const written = () => cp.ports.db.execute(sql`select xmin::text, xmax::text from cp_cluster`);
  const before = [...(await written())];
  await lookAtPast(cp.ports);
  expect([...(await written())]).toEqual(before);
});

test("neither a proof nor a change is made on a server that nobody has looked at", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await attach(orgId, "eu-1");
  const chain = replica.held.chain;
  await forgetServer();
  expect(await replica.beat()).toMatchObject({ epoch: 2, resync: false, asOf: replica.held.rev, chain });
  await forgetServer();
  const { revision } = await putTestKey(cp.ports, orgId, testKey(projectId), "giving");
  expect(revision).toBe(`3.${replica.held.rev + 1}`);
});

test("a server whose clock is behind takes no proof back", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.close();
  await cp.ports.db.execute(
    sql`update replica set fresh_hi = clock_timestamp() + interval '1 hour' where org_id = ${orgId}`,
  );
  const provedUntil = async () =>
    (await cp.ports.db.execute(sql`select fresh_hi::text as at from replica where org_id = ${orgId}`))[0];
  const before = await provedUntil();
  await forgetServer();
  await lookAtPast(cp.ports);
  expect(await provedUntil()).toEqual(before);
});

const snapshotsOf = async (orgId: string) => {
  const rows = await cp.ports.db.execute<{ epoch: number }>(
    sql`select epoch from snapshot where org_id = ${orgId}`,
  );
  return rows.map(({ epoch }) => epoch);
};

test("who holds what the new epoch continues adopts it without a snapshot, told by a heartbeat as by a sync", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await attach(orgId, "eu-1");
  const { rev, chain } = replica.held;
  await forgetServer();
  const fresh = await replica.beat();
  expect(fresh).toMatchObject({ epoch: 2, resync: false });
  expect(fresh.deltas.map(contentOf)).toEqual([{ v: 1, org: orgId, epoch: 2, continues: 1, rev, chain }]);
  await replica.catchUp();
  expect(replica.held).toMatchObject({ epoch: 2, rev, chain });
  expect(await replica.beat()).toMatchObject({ epoch: 2, resync: false, deltas: [] });
  expect(await snapshotsOf(orgId)).toEqual([1]);
});

test("who is behind by changes and epochs is led through all of them, each in its own epoch", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await attach(orgId, "eu-1");
  const { rev } = replica.held;
  replica.following = false;
  const change = () => putTestKey(cp.ports, orgId, testKey(projectId), "neutral");
  await change();
  for (let i = 0; i < 2; i++) {
    await forgetServer();
    await lookAtPast(cp.ports);
  }
  await change();
  await forgetServer();
  const { deltas } = await replica.beat();
  expect(deltas.map(contentOf)).toMatchObject([
    { epoch: 1, rev: rev + 1 },
    { epoch: 3, continues: 1, rev: rev + 1 },
    { epoch: 3, rev: rev + 2 },
    { epoch: 4, continues: 3, rev: rev + 2 },
  ]);
  await replica.catchUp();
  expect(replica.held).toMatchObject({ epoch: 4, rev: rev + 2 });
  expect(await snapshotsOf(orgId)).toEqual([1]);
});

test.each([
  ["another chain", { chain: "C".repeat(43) }],
  ["more than the new epoch continues", { revApplied: 7, revEffective: 7, chain: "C".repeat(43) }],
])("who holds %s takes a snapshot of the new epoch, and the loss is noted", async (_what, held) => {
  const { orgId } = await createTestOrganization(cp.ports);
  const replica = await attach(orgId, "eu-1");
  await forgetServer();
  await lookAtPast(cp.ports);
  expect(await replica.beat(held)).toMatchObject({ epoch: 2, resync: true, deltas: [] });
  expect(await rowsOf(orgId)).toEqual([{ epoch: 2, why: "server", loss: "proved" }]);
});

test("when the changes before the new epoch are no longer kept, a snapshot is what leads on", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await attach(orgId, "eu-1");
  replica.following = false;
  for (let i = 0; i < 2; i++) await putTestKey(cp.ports, orgId, testKey(projectId), "neutral");
  await forgetServer();
  await lookAtPast(cp.ports);
  await cp.ports.db.execute(
    sql`delete from org_change where org_id = ${orgId} and rev = ${replica.held.rev + 1}`,
  );
  await replica.beat();
  await replica.catchUp();
  expect(replica.held).toMatchObject({ epoch: 2, rev: 3 });
  expect(await snapshotsOf(orgId)).toEqual([2]);
});

test("a replica that took the new epoch goes on with deltas, from the very revision that it begins on", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await attach(orgId, "eu-1");
  await forgetServer();
  await replica.beat();
  await replica.catchUp();
  replica.following = false;
  await putTestKey(cp.ports, orgId, testKey(projectId), "neutral");
  const fresh = await replica.beat();
  expect(fresh).toMatchObject({ epoch: 2, resync: false });
  expect(fresh.deltas).toHaveLength(1);
});

test("processes that all are asked for a snapshot build one, and share it", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  let signed = 0;
  const counting = [cp, await cluster.start({ serve: false })].map(({ ports }) => ({
    ...ports,
    sign: (...content: Parameters<typeof ports.sign>) => {
      signed += 1;
      return ports.sign(...content);
    },
  }));
  const answers = await Promise.all(counting.map((ports) => snapshotFor(ports, orgId, 1, 0)));
  expect(new Set(answers).size).toBe(1);
  expect(signed).toBe(1);
});

test("replicas that all ask at once after a failover get one snapshot, and a later revision is never missed in it", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  await forgetServer();
  await lookAtPast(cp.ports);
  const [first, ...others] = await Promise.all(
    Array.from({ length: 20 }, () => snapshotFor(cp.ports, orgId, 2, 0)),
  );
  expect(new Set([first, ...others]).size).toBe(1);
  const early = snapshotFor(cp.ports, orgId, 2, 2).catch(() => "");
  await putTestKey(cp.ports, orgId, testKey(projectId), "neutral");
  const late = await snapshotFor(cp.ports, orgId, 2, 2);
  await early;
  const payload = JSON.parse(Buffer.from(late.split(".")[1] ?? "", "base64url").toString());
  expect(payload).toMatchObject({ epoch: 2, rev: 2 });
});

test("a replica with more than the database has raises its own organization's epoch alone, and not at will", async () => {
  const mine = await createTestOrganization(cp.ports);
  const theirs = await createTestOrganization(cp.ports);
  const replica = await attach(mine.orgId, "eu-1");
  const ahead = { revApplied: 90, revEffective: 90, chain: "B".repeat(43) };
  expect(await replica.beat({ epoch: 2_000_000_000, ...ahead })).toMatchObject({ epoch: 1, resync: true });
  // An epoch that this database has never had, as after a restore to before a failover.
  expect(await replica.beat({ epoch: 3, ...ahead })).toMatchObject({ epoch: 4, resync: true });
  expect(await replica.beat({ epoch: 4, ...ahead })).toMatchObject({ epoch: 4, resync: true });
  expect(await rowsOf(mine.orgId)).toEqual([{ epoch: 4, why: "fork", loss: "proved" }]);
  expect(await rowsOf(theirs.orgId)).toEqual([]);
  expect(cp.log.lines.some(({ fields }) => "alarm" in fields && fields.alarm === "fork")).toBe(true);
});

test("while a replica is silent since a possible loss, its moment is that of the longest staleness there is", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await attach(orgId, "eu-1");
  const key = testKey(projectId, { maxStalenessSeconds: 60 });
  await putTestKey(cp.ports, orgId, key, "giving");
  await vi.waitFor(() => expect(replica.held.rev).toBe(2), { timeout: 30_000 });
  replica.following = false;
  await forgetServer();
  await lookAtPast(cp.ports);
  const revoke = await putTestKey(cp.ports, orgId, { ...key, status: "revoked" }, "restrictive");
  const secondsLeft = async () => {
    const operation = await readStoredOperation(cp.ports.db, orgId, revoke.operationId);
    if (operation === undefined) throw new Error("the operation is gone");
    const { gateways } = await viewOperation(cp.ports.db, operation);
    return (Date.parse(gateways[0]?.refusesBy ?? "") - Date.now()) / 1000;
  };
  expect(await secondsLeft()).toBeGreaterThan(604_700);
});

test("a replica that was detached before a possible loss, as the restored row says, refuses by its own keys' staleness", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await attach(orgId, "eu-1");
  const key = testKey(projectId, { maxStalenessSeconds: 60 });
  await putTestKey(cp.ports, orgId, key, "giving");
  await vi.waitFor(() => expect(replica.held.rev).toBe(2), { timeout: 30_000 });
  replica.following = false;
  await cp.ports.db.execute(
    sql`update replica set gone_at = clock_timestamp() - interval '1 hour',
      fresh_hi = clock_timestamp() - interval '1 hour', last_seen = clock_timestamp() - interval '1 hour'
      where id = ${replica.id}`,
  );
  await forgetServer();
  await lookAtPast(cp.ports);
  const revoke = await putTestKey(cp.ports, orgId, { ...key, status: "revoked" }, "restrictive");
  const view = async () => {
    const operation = await readStoredOperation(cp.ports.db, orgId, revoke.operationId);
    if (operation === undefined) throw new Error("the operation is gone");
    return viewOperation(cp.ports.db, operation);
  };
  // An hour after the last proof it can have, a staleness of a minute is over.
  expect(await view()).toMatchObject({ status: "confirmed", gateways: [] });
  // Detached after the loss, it may have heard anything before.
  await cp.ports.db.execute(sql`update replica set gone_at = clock_timestamp() where id = ${replica.id}`);
  const { status, gateways } = await view();
  expect(status).toBe("pending");
  expect(Date.parse(gateways[0]?.refusesBy ?? "") - Date.now()).toBeGreaterThan(604_700_000 - 3_600_000);
});

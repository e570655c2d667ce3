import type { OperationView } from "@claviger/shared/sync/operation";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { awaitOperation, followOperation, readOperation } from "./operations.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization, putTestKey, testKey } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;
const replicas: FakeReplica[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await cluster?.stop();
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A waiter's look without a notification, a second later, never comes: whoever goes on was woken. */
function withoutLooks(): void {
  const real = globalThis.setTimeout;
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((work: () => void, ms?: number) =>
    real(work, ms === 1_000 ? 1e9 : ms)) as typeof setTimeout);
}

async function fleet(...names: string[]) {
  const organization = await createTestOrganization(cp.ports);
  const mine: FakeReplica[] = [];
  for (const name of names) {
    const replica = await startFakeReplica(cp.ports, organization.orgId, name);
    await replica.beat();
    await replica.catchUp();
    await replica.beat();
    mine.push(replica);
  }
  replicas.push(...mine);
  return { ...organization, replicas: mine };
}

/** Makes it look as if the replica had been silent for so long, its last proof included. */
async function silence(replica: FakeReplica, seconds: number): Promise<void> {
  replica.following = false;
  await cp.ports.db.execute(sql`
    update replica set last_seen = clock_timestamp() - ${seconds} * interval '1 second',
      fresh_hi = clock_timestamp() - ${seconds} * interval '1 second' where id = ${replica.id}`);
}

async function timesOf(
  operationId: string,
  replica: FakeReplica,
): Promise<{ committedMs: number; freshMs: number }> {
  const [row] = await cp.ports.db.execute<{ committed: number; fresh: number }>(sql`
    select extract(epoch from o.committed_at)::float8 * 1000 as committed,
      extract(epoch from r.fresh_hi)::float8 * 1000 as fresh
    from barrier_op o, replica r where o.id = ${operationId} and r.id = ${replica.id}`);
  return { committedMs: row?.committed ?? 0, freshMs: row?.fresh ?? 0 };
}

function states(view: OperationView | undefined): (string | undefined)[][] {
  return (view?.gateways ?? []).map((gateway) => [gateway.name, gateway.state]);
}

/** PROTOCOL §2.5: proof or commit, whichever was earlier, plus the staleness at 1 % drift, plus two steps of 2 s. */
const refusesBy = (proofMs: number, seconds: number) => Math.ceil(proofMs + (seconds * 1000) / 0.99 + 4_000);

test("a revocation is confirmed as soon as both gateways hold it (I1)", async () => {
  const { orgId, projectId } = await fleet("eu-1", "us-1");
  const took: number[] = [];
  withoutLooks();
  for (let i = 0; i < 40; i++) {
    const key = testKey(projectId);
    const made = await putTestKey(cp.ports, orgId, key, "giving");
    await awaitOperation(cp.ports, orgId, made.operationId, 600_000);
    const start = performance.now();
    const revoked = await putTestKey(cp.ports, orgId, { ...key, status: "revoked" }, "restrictive");
    const view = await awaitOperation(cp.ports, orgId, revoked.operationId, 600_000);
    took.push(performance.now() - start);
    expect(view.status).toBe("confirmed");
    expect(states(view)).toEqual([
      ["eu-1", "confirmed"],
      ["us-1", "confirmed"],
    ]);
    expect(view.gateways.every((gateway) => gateway.confirmedAt !== undefined)).toBe(true);
  }
  took.sort((a, b) => a - b);
  const [median, late] = [took[20] ?? 0, took[38] ?? 0];
  process.stdout.write(
    `barrier with two replicas: median ${median.toFixed(1)} ms, p95 ${late.toFixed(1)} ms\n`,
  );
});

test("a gateway that cannot be reached delays nobody, and its moment follows from that key's staleness", async () => {
  const { orgId, projectId, replicas } = await fleet("eu-1", "us-1");
  const [, us] = replicas as [FakeReplica, FakeReplica];
  const key = testKey(projectId, { maxStalenessSeconds: 60 });
  const other = testKey(projectId, { maxStalenessSeconds: 86_400 });
  for (const record of [key, other]) {
    const made = await putTestKey(cp.ports, orgId, record, "giving");
    await awaitOperation(cp.ports, orgId, made.operationId, 5_000);
  }
  await silence(us, 40);
  const revoked = await putTestKey(cp.ports, orgId, { ...key, status: "revoked" }, "restrictive");
  // If it were waited for, this would outlast the test.
  const view = await awaitOperation(cp.ports, orgId, revoked.operationId, 600_000);
  const { freshMs, committedMs } = await timesOf(revoked.operationId, us);
  const byMs = refusesBy(Math.min(freshMs, committedMs), 60);
  const by = new Date(byMs).toISOString();
  expect(view).toMatchObject({ status: "pending", safeBy: by });
  expect(view.gateways[1]).toMatchObject({
    name: "us-1",
    replica: us.id,
    state: "unreachable",
    refusesBy: by,
    drainedBy: new Date(byMs + 3_600_000).toISOString(),
  });
});

test("past its moment an unreachable gateway is expired and the change is safe at once", async () => {
  const { orgId, projectId, replicas } = await fleet("eu-1");
  const [eu] = replicas as [FakeReplica];
  const key = testKey(projectId, { maxStalenessSeconds: 30 });
  const made = await putTestKey(cp.ports, orgId, key, "giving");
  await awaitOperation(cp.ports, orgId, made.operationId, 5_000);
  await silence(eu, 120);
  const revoked = await putTestKey(cp.ports, orgId, { ...key, status: "revoked" }, "restrictive");
  const view = await awaitOperation(cp.ports, orgId, revoked.operationId, 10_000);
  expect(view.status).toBe("safe");
  expect(states(view)).toEqual([["eu-1", "expired"]]);
});

test("the bound counts the version that the gateway may still hold, not the newest", async () => {
  const { orgId, projectId, replicas } = await fleet("eu-1");
  const [eu] = replicas as [FakeReplica];
  const key = testKey(projectId, { maxStalenessSeconds: 7_200 });
  const made = await putTestKey(cp.ports, orgId, key, "giving");
  await awaitOperation(cp.ports, orgId, made.operationId, 5_000);
  await silence(eu, 40);
  const narrowed = { ...key, maxStalenessSeconds: 30 };
  await putTestKey(cp.ports, orgId, narrowed, "restrictive");
  const revoked = await putTestKey(cp.ports, orgId, { ...narrowed, status: "revoked" }, "restrictive");
  const view = await awaitOperation(cp.ports, orgId, revoked.operationId, 100);
  const { freshMs } = await timesOf(revoked.operationId, eu);
  expect(view.gateways[0]?.refusesBy).toBe(new Date(refusesBy(freshMs, 7_200)).toISOString());
});

test("a late confirmation completes the operation, which then stays as it was", async () => {
  const { orgId, projectId, replicas } = await fleet("eu-1");
  const [eu] = replicas as [FakeReplica];
  eu.following = false;
  const revoked = await putTestKey(cp.ports, orgId, testKey(projectId, { status: "revoked" }), "restrictive");
  const waited = await awaitOperation(cp.ports, orgId, revoked.operationId, 150);
  expect(states(waited)).toEqual([["eu-1", "waiting"]]);
  const seen: OperationView[] = [];
  const following = (async () => {
    for await (const view of followOperation(
      cp.ports,
      orgId,
      revoked.operationId,
      new AbortController().signal,
    )) {
      seen.push(view);
    }
  })();
  await eu.catchUp();
  await eu.beat({ aborted: [{ rev: revoked.rev, n: 2 }] });
  await following;
  expect(seen.at(-1)).toMatchObject({ status: "confirmed", gateways: [{ state: "confirmed", aborted: 2 }] });
  const frozen = await readOperation(cp.ports, orgId, revoked.operationId);
  for (let done = false; !done; ) {
    const [row] = await cp.ports.db.execute<{ done: boolean }>(
      sql`select done_at is not null as done from barrier_op where id = ${revoked.operationId}`,
    );
    done = row?.done === true;
  }
  await cp.ports.db.execute(
    sql`update replica set rev_effective = 0, confirmations = '[]' where id = ${eu.id}`,
  );
  expect(await readOperation(cp.ports, orgId, revoked.operationId)).toEqual(frozen);
});

test("holding a revision is not enough for a restrictive change: it has to be effective (I1)", async () => {
  const { orgId, projectId, replicas } = await fleet("eu-1");
  const [eu] = replicas as [FakeReplica];
  eu.following = false;
  const before = eu.held.rev;
  const revoked = await putTestKey(cp.ports, orgId, testKey(projectId, { status: "revoked" }), "restrictive");
  await eu.catchUp();
  await eu.beat({ revEffective: before });
  expect(states(await readOperation(cp.ports, orgId, revoked.operationId))).toEqual([["eu-1", "waiting"]]);
  await eu.beat();
  expect(states(await readOperation(cp.ports, orgId, revoked.operationId))).toEqual([["eu-1", "confirmed"]]);
});

test("a waiter in one process is woken by a heartbeat that another process took in", async () => {
  const waiter = await cluster.start({ serve: false });
  const { orgId, projectId } = await fleet("eu-1");
  withoutLooks();
  for (let i = 0; i < 5; i++) {
    const made = await putTestKey(waiter.ports, orgId, testKey(projectId), "giving");
    const view = await awaitOperation(waiter.ports, orgId, made.operationId, 600_000);
    expect(view.status).toBe("confirmed");
  }
  await waiter.stop();
});

test("a gateway that was shut down cleanly delays nobody", async () => {
  const { orgId, projectId, replicas } = await fleet("eu-1");
  const [eu] = replicas as [FakeReplica];
  eu.following = false;
  await eu.beat({ bye: true });
  const made = await putTestKey(cp.ports, orgId, testKey(projectId), "giving");
  // If it were waited for, this would outlast the test.
  const view = await awaitOperation(cp.ports, orgId, made.operationId, 600_000);
  expect(states(view)).toEqual([["eu-1", "unreachable"]]);
});

test("another organization's operation does not exist", async () => {
  const { orgId, projectId } = await fleet();
  const stranger = await createTestOrganization(cp.ports);
  const made = await putTestKey(cp.ports, orgId, testKey(projectId), "giving");
  expect(await readOperation(cp.ports, stranger.orgId, made.operationId)).toBeUndefined();
  expect(await readOperation(cp.ports, orgId, made.operationId)).toMatchObject({
    status: "confirmed",
    gateways: [],
  });
});

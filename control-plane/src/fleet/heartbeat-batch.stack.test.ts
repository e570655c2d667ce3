import { Heartbeat } from "@claviger/shared/wire/heartbeat";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHeartbeatIntake } from "./heartbeat.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start({ serve: false });
});
afterAll(() => cluster?.stop());

async function enrolled(orgId: string, name: string): Promise<string> {
  const replica = await startFakeReplica(cp.ports, orgId, name);
  await replica.close();
  return replica.id;
}

function heartbeatOf(replica: string, change: Partial<Heartbeat> = {}): Heartbeat {
  return {
    v: 1,
    replica,
    boot: "1.AAAAAAAAAAAA",
    nonce: crypto.randomUUID(),
    software: "fake",
    runtime: "node",
    wallMs: Date.now(),
    epoch: 0,
    revApplied: 0,
    revEffective: 0,
    chain: GENESIS_CHAIN,
    usage: { nextSeq: 1 },
    audit: { n: 0, head: GENESIS_CHAIN },
    inflight: 0,
    requestsPerSecond: 0,
    aborted: [],
    clockOffsetMs: null,
    clockErrorMs: null,
    ...change,
  };
}

test("a heartbeat that the database does not take is its own replica's failure, not its neighbours'", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const [good, bad] = [await enrolled(orgId, "eu-1"), await enrolled(orgId, "us-1")];
  const take = createHeartbeatIntake(cp.ports, { batchMs: 20 });
  // As if the schema let through what it should not.
  const heartbeats = [heartbeatOf(good), heartbeatOf(bad, { inflight: 2 ** 40 })];
  const outcomes = await Promise.allSettled(
    heartbeats.map((heartbeat) => take(orgId, { replicaId: heartbeat.replica, heartbeat })),
  );
  expect(outcomes).toEqual([
    { status: "fulfilled", value: expect.any(String) },
    { status: "rejected", reason: expect.any(Error) },
  ]);
});

test("what a replica says of itself is bounded by what the database takes, and odd text costs nobody a proof", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const id = await enrolled(orgId, "eu-1");
  expect(Heartbeat.safeParse(heartbeatOf(id, { inflight: 2 ** 31 })).success).toBe(false);
  expect(Heartbeat.safeParse(heartbeatOf(id, { epoch: 2 ** 31 })).success).toBe(false);
  const odd = "a\0b\ud800";
  const heartbeat = Heartbeat.parse(
    heartbeatOf(id, { software: odd, nack: { rev: 1, code: "fork", detail: odd } }),
  );
  expect(await createHeartbeatIntake(cp.ports)(orgId, { replicaId: id, heartbeat })).toEqual(
    expect.any(String),
  );
  const [row] = await cp.ports.db.execute(
    sql`select software, nack->>'detail' as detail from replica where id = ${id}`,
  );
  expect(row).toEqual({ software: "a\ufffdb\ufffd", detail: "a\ufffdb\ufffd" });
});

/** After a restore with loss: what gateways know to be dead is dead again. */
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
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

async function recordOf(orgId: string, id: string) {
  const [row] = await cp.ports.db.execute<{ record: object }>(
    sql`select record from org_record where org_id = ${orgId} and id = ${id}`,
  );
  return row?.record;
}

test("what a gateway knows to be dead is ended again, once, whoever says it and however often", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const hashes = [
    { hash: "a".repeat(43), generation: 1, notAfterMs: 5 },
    { hash: "b".repeat(43), generation: 1, notAfterMs: null },
  ];
  const [one, two, same] = [
    testKey(projectId, { hashes }),
    testKey(projectId, { hashes }),
    testKey(projectId),
  ];
  for (const key of [one, two, same]) await putTestKey(cp.ports, orgId, key, "giving");
  const replica = await attach(orgId, "eu-1");
  const tombs = [
    { id: one.id, generation: 1, status: "revoked" as const },
    { id: two.id, generation: 3, status: "inactive" as const },
    { id: same.id, generation: 1, status: "inactive" as const },
    { id: "key_nobodyknows0", generation: 1, status: "deleted" as const },
  ];
  await Promise.all([replica.beat({ tombs }), replica.beat({ tombs }), replica.beat({ tombs })]);
  await vi.waitFor(() => expect(replica.held.rev).toBe(5), { timeout: 30_000 });
  await replica.beat({ tombs });
  expect(replica.held.deltas.at(-1)).toMatchObject({
    action: "api-key.tombstone",
    actor: { kind: "system" },
    restrictive: true,
    inflight: "abort",
  });
  const [past, present] = hashes;
  expect(await recordOf(orgId, one.id)).toEqual({
    ...one,
    status: "revoked",
    hashes: [{ ...past, notAfterMs: 0 }, present],
  });
  // A rotation was lost: no secret that this database knows is the present one, so none may come back.
  expect(await recordOf(orgId, two.id)).toEqual({
    ...two,
    status: "revoked",
    generation: 3,
    hashes: hashes.map((hash) => ({ ...hash, notAfterMs: 0 })),
  });
  expect(await recordOf(orgId, same.id)).toEqual(same);
  expect(await recordOf(orgId, "key_nobodyknows0")).toBeUndefined();
  const head = await replica.beat();
  expect(head.asOf).toBe(5);
});

test("a token that a gateway knows to be killed is denied again, once, and no longer than a token lives", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const [parent, dead] = [testKey(projectId), testKey(projectId, { status: "revoked" })];
  for (const key of [parent, dead]) await putTestKey(cp.ports, orgId, key, "giving");
  const replica = await attach(orgId, "eu-1");
  const expiresAtMs = cp.ports.clock.nowMs() + 3_600_000;
  const record = { id: "tok_killed000001", keyId: parent.id, expiresAtMs };
  const status = "denied" as const;
  const tombs = [
    { ...record, status },
    { ...record, status, id: "tok_over00000001", expiresAtMs: 1 },
    { ...record, status, id: "tok_endless00001", expiresAtMs: expiresAtMs + 86_400_000 },
    { ...record, status, id: "tok_ofdead000001", keyId: dead.id },
    { ...record, status, id: "tok_ofnobody0001", keyId: "key_nobodyknows0" },
  ];
  await Promise.all([replica.beat({ tombs }), replica.beat({ tombs })]);
  await vi.waitFor(() => expect(replica.held.rev).toBe(4), { timeout: 30_000 });
  await replica.beat({ tombs });
  expect(replica.held.deltas.at(-1)).toMatchObject({
    ...{ action: "ephemeral-token.tombstone", restrictive: true, inflight: "abort" },
    changes: [{ op: "put", kind: "deny_jti", id: record.id, record }],
  });
  expect(await recordOf(orgId, record.id)).toEqual(record);
  expect((await replica.beat()).asOf).toBe(4);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { awaitOperation } from "./operations.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "./testing/fake-replica.ts";
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

async function fleet(
  names: readonly string[],
): Promise<{ orgId: string; projectId: string; replicas: FakeReplica[] }> {
  const organization = await createTestOrganization(cp.ports);
  const replicas: FakeReplica[] = [];
  for (const name of names) {
    const replica = await startFakeReplica(cp.ports, organization.orgId, name);
    await replica.beat();
    await replica.catchUp();
    await replica.beat();
    replicas.push(replica);
  }
  return { ...organization, replicas };
}

test("a revocation is confirmed when both gateways hold it, in well under 30 ms", async () => {
  const { orgId, projectId, replicas } = await fleet(["eu-1", "us-1"]);
  const took: number[] = [];
  for (let i = 0; i < 40; i++) {
    const key = testKey(projectId);
    const made = await putTestKey(cp.ports, orgId, key, "giving");
    await awaitOperation(cp.ports, orgId, made.operationId, 5_000);
    const start = performance.now();
    const revoked = await putTestKey(cp.ports, orgId, { ...key, status: "revoked" }, "restrictive");
    const view = await awaitOperation(cp.ports, orgId, revoked.operationId, 5_000);
    took.push(performance.now() - start);
    expect(view.status).toBe("confirmed");
    expect(view.gateways.map((gateway) => [gateway.name, gateway.state])).toEqual([
      ["eu-1", "confirmed"],
      ["us-1", "confirmed"],
    ]);
    expect(view.gateways.every((gateway) => gateway.confirmedAt !== undefined)).toBe(true);
  }
  took.sort((a, b) => a - b);
  const [median, p95] = [took[20] ?? 0, took[38] ?? 0];
  process.stdout.write(
    `barrier with two replicas: median ${median.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms\n`,
  );
  expect(median).toBeLessThan(100);
  await Promise.all(replicas.map((replica) => replica.close()));
});

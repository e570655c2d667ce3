import { afterAll, beforeAll, expect, test } from "vitest";
import { awaitOperation } from "./operations.ts";
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

test("a bus whose data was wiped has its accounts back by itself, replicas attach again, and a barrier completes (I22)", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  const back = (async () => {
    for await (const event of replica.connection.status()) if (event.type === "reconnect") return;
  })();
  await cluster.nats.restart(true);
  await back;
  await replica.connection.flush();
  await replica.beat();
  const made = await putTestKey(cp.ports, orgId, testKey(projectId), "giving");
  const view = await awaitOperation(cp.ports, orgId, made.operationId, 10_000);
  expect(view).toMatchObject({ status: "confirmed", gateways: [{ state: "confirmed" }] });
  await replica.close();
});

test("a control plane whose bus is away still commits, and the fleet learns it when the bus is back", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  const back = (async () => {
    for await (const event of replica.connection.status()) if (event.type === "reconnect") return;
  })();
  await cluster.nats.server.stop();
  const made = await putTestKey(cp.ports, orgId, testKey(projectId, { status: "revoked" }), "restrictive");
  expect((await awaitOperation(cp.ports, orgId, made.operationId, 50)).status).toBe("pending");
  await cluster.nats.restart(false);
  await back;
  for (;;) {
    await replica.catchUp().catch(() => undefined);
    await replica.beat({}, 1).catch(() => undefined);
    if ((await awaitOperation(cp.ports, orgId, made.operationId, 200)).status === "confirmed") break;
  }
  await replica.close();
});

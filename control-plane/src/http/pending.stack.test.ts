import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeReplica, startFakeReplica } from "../fleet/testing/fake-replica.ts";
import { makeKey, makeTenant, resource, startApi, type Tenant, type TestApi } from "./testing/api.ts";

let api: TestApi;
let tenant: Tenant;
let replica: FakeReplica;
/** Before its first proof. */
let startedMs: number;

beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
  startedMs = Date.now();
  replica = await startFakeReplica(api.ports, tenant.organizationId, "eu-1");
  await replica.catchUp();
  await replica.beat();
});
afterAll(async () => {
  await replica?.close();
  await api?.stop();
});

test("a gateway that does not confirm: what takes away is 202 with its time, what gives is not held up; later it is confirmed", async () => {
  const { id } = (await makeKey(api, tenant, { name: "held", maxStalenessSeconds: 60 })).resource;
  replica.following = false;
  const soon = { prefer: "wait=0" };
  const revoke = () =>
    api.call("POST", `/api/v1/api-keys/${id}/revoke`, { token: tenant.token, headers: soon });
  const revoked = await revoke();
  const revokedMs = Date.now();
  expect([revoked.status, revoked.resource.attributes.status]).toEqual([202, "revoked"]);
  expect(revoked.operation).toMatchObject({ status: "pending" });
  const { safeBy } = revoked.meta.operation as { safeBy: string };
  // The last proof, the key's staleness at a clock 1 % slow, and two seconds of a step on each side.
  expect(Date.parse(safeBy) - startedMs).toBeGreaterThan(60_000);
  expect(Date.parse(safeBy)).toBeLessThanOrEqual(Math.ceil(revokedMs + 60_000 / 0.99 + 4_000));
  const again = await revoke();
  expect([again.status, again.operation.id]).toEqual([202, revoked.operation.id]);
  const given = await api.call("POST", `/api/v1/projects/${tenant.projectId}/api-keys`, {
    token: tenant.token,
    body: resource("api-key", { name: "given" }),
    headers: soon,
  });
  expect([given.status, given.operation.status]).toEqual([201, "pending"]);
  const read = () => api.call("GET", `/api/v1/operations/${revoked.operation.id}`, { token: tenant.token });
  expect((await read()).resource.attributes.status).toBe("pending");
  await replica.catchUp();
  await replica.beat();
  expect((await read()).resource.attributes.status).toBe("confirmed");
  expect([(await revoke()).status, (await revoke()).operation.status]).toEqual([200, "confirmed"]);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { enrolFakeReplica, type FakeReplica } from "../fleet/testing/fake-replica.ts";
import { type Heard, makeKey, makeTenant, startApi, type TestApi } from "../http/testing/api.ts";

let api: TestApi;
const replicas: FakeReplica[] = [];

beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await api?.stop();
});

test("a detached gateway does not come back by what is left of its token, also when its name is used again", async () => {
  const tenant = await makeTenant(api);
  const body = { name: "eu-1", region: "eu-central", replicas: 3 };
  const makeEnrolmentToken = () =>
    api.call("POST", "/api/v1/gateways/enrolment-tokens", { token: tenant.token, body });
  const { secretKey } = await makeEnrolmentToken();
  const first = await enrolFakeReplica(api.ports, secretKey);
  replicas.push(first);
  await api.call("DELETE", `/api/v1/gateways/${first.answer.gatewayId}`, { token: tenant.token });
  await expect(enrolFakeReplica(api.ports, secretKey)).rejects.toMatchObject({ code: "enrolment_expired" });
  const next = await makeEnrolmentToken();
  await expect(enrolFakeReplica(api.ports, secretKey)).rejects.toMatchObject({ code: "enrolment_expired" });
  replicas.push(await enrolFakeReplica(api.ports, next.secretKey));
});

test("what is taken away after a detachment is answered at once, and says until when the detached one may go on", async () => {
  const tenant = await makeTenant(api);
  const body = { name: "eu-1", region: "eu-central" };
  const token = await api.call("POST", "/api/v1/gateways/enrolment-tokens", { token: tenant.token, body });
  const replica = await enrolFakeReplica(api.ports, token.secretKey);
  replicas.push(replica);
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  const made = await makeKey(api, tenant);
  const detached = await timed(() =>
    api.call("DELETE", `/api/v1/gateways/${replica.answer.gatewayId}`, {
      token: tenant.token,
      headers: WAIT,
    }),
  );
  const revoked = await timed(() =>
    api.call("POST", `/api/v1/api-keys/${made.resource.id}/revoke`, {
      token: tenant.token,
      body: {},
      headers: WAIT,
    }),
  );
  for (const { heard, ms } of [detached, revoked]) {
    expect(ms).toBeLessThan(4_000);
    expect(heard.status).toBe(202);
    expect(heard.meta.operation).toMatchObject({
      status: "pending",
      safeBy: expect.stringMatching(/Z$/),
      gateways: [{ name: "eu-1", state: "unreachable" }],
    });
  }
});

const WAIT = { prefer: "wait=15" };

async function timed(work: () => Promise<Heard>): Promise<{ heard: Heard; ms: number }> {
  const start = performance.now();
  return { heard: await work(), ms: performance.now() - start };
}

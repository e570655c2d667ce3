import { afterAll, beforeAll, expect, test } from "vitest";
import { enrolFakeReplica, type FakeReplica } from "../fleet/testing/fake-replica.ts";
import { makeTenant, startApi, type TestApi } from "../http/testing/api.ts";

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

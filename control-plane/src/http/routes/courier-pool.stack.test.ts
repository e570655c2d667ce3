import { signCourierCall } from "@claviger/shared/wire/courier-call";
import { courierPaths } from "@claviger/shared/wire/subjects";
import { fromSeed } from "@nats-io/nkeys";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControlPlane } from "../../app.ts";
import { startFakeReplica } from "../../fleet/testing/fake-replica.ts";
import { makeTenant, settings, startApi, type TestApi } from "../testing/api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

test("a replica that calls over HTTPS needs no database connection of the API's", async () => {
  const { organizationId } = await makeTenant(api);
  const { user, close } = await startFakeReplica(api.ports, organizationId, "eu-1");
  await close();
  const busy = new Proxy(api.ports.db, {
    get: () => {
      throw new Error("the API's connections are busy");
    },
  });
  const app = createControlPlane({ ...api.ports, db: busy }, settings, api.ports);
  const body = JSON.stringify({ v: 1, epoch: 0, from: 0, chain: "A".repeat(43) });
  const content = { method: "POST", target: courierPaths.sync, body: new TextEncoder().encode(body) };
  const claim = { key: user.publicKey, timeMs: Date.now(), nonce: "pool-test-nonce-0123456789" };
  const signed = await signCourierCall(content, claim, (bytes) => fromSeed(user.seed).sign(bytes));
  const request = new Request(`${settings.publicUrl}${courierPaths.sync}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...signed },
    body,
  });
  const answer = await app.fetch(request, { peer: "127.0.0.1" });
  expect([answer.status, await answer.json()]).toEqual([200, { snapshot: expect.any(String) }]);
});

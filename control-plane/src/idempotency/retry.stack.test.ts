import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControlPlane } from "../app.ts";
import { type FakeReplica, startFakeReplica } from "../fleet/testing/fake-replica.ts";
import {
  Heard,
  makeKey,
  makeTenant,
  resource,
  settings,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";
import { claimKey } from "./claim.ts";

let api: TestApi;
let tenant: Tenant;
let replica: FakeReplica;

beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
  replica = await startFakeReplica(api.ports, tenant.organizationId, "eu-1");
  await replica.catchUp();
  await replica.beat();
});
afterAll(async () => {
  await replica?.close();
  await api?.stop();
});

/** A call to another process on the same database, `laterMs` after now. */
async function callOther(
  path: string,
  body: object,
  headers: Record<string, string>,
  laterMs = 0,
): Promise<Heard> {
  const clock = { nowMs: () => Date.now() + laterMs };
  const app = createControlPlane({ ...api.ports, clock }, settings);
  const request = new Request(`${settings.publicUrl}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/vnd.api+json",
      authorization: `Bearer ${tenant.token}`,
      ...headers,
    },
    body: JSON.stringify(body),
  });
  const response = await app.fetch(request, {});
  return new Heard(response.status, response.headers, await response.text());
}

/** The first call has claimed the key and committed its change: from here on it only waits. */
async function untilCommitted(idemKey: string): Promise<void> {
  for (;;) {
    const rows = await api.ports.db.execute(
      sql`select 1 from idempotency where idem_key = ${idemKey} and outcome is not null`,
    );
    if (rows.length > 0) return;
  }
}

test("while the first still waits for the fleet, a retry elsewhere gets what was committed, with the operation as it stands", async () => {
  const { id } = (await makeKey(api, tenant, { name: "held" })).resource;
  await replica.catchUp();
  await replica.beat();
  // Else it confirms by itself, and nothing waits.
  replica.following = false;
  const path = `/api/v1/api-keys/${id}/revoke`;
  const headers = { "idempotency-key": "waits", prefer: "wait=30" };
  let answered = false;
  const first = callOther(path, {}, headers).finally(() => {
    answered = true;
  });
  await untilCommitted("waits");
  const retry = await callOther(path, {}, headers);
  expect(answered).toBe(false);
  expect([retry.status, retry.resource.attributes.status]).toEqual([202, "revoked"]);
  expect(retry.operation.status).toBe("pending");
  await replica.catchUp();
  await replica.beat();
  replica.following = true;
  const whole = await first;
  expect([whole.status, whole.operation.status]).toEqual([200, "confirmed"]);
  expect(whole.operation.id).toBe(retry.operation.id);
  expect(whole.resource).toEqual(retry.resource);
  const replay = await callOther(path, {}, headers);
  expect([replay.status, replay.document]).toEqual([200, whole.document]);
});

test("what the operator made replays with its operation and all that was said of it", async () => {
  const body = resource("organization", {
    name: "Twice",
    adminEmail: "twice@example.com",
    adminPassword: "twice upon a time",
  });
  const headers = { "idempotency-key": "organization", authorization: `Bearer ${settings.operatorToken}` };
  const first = await callOther("/api/v1/organizations", body, headers);
  await api.ports.db.execute("update idempotency set status = null, body = null");
  const retry = await callOther("/api/v1/organizations", body, headers);
  expect([retry.status, retry.document]).toEqual([first.status, first.document]);
});

test("a process that dies before it commits keeps its key for ten seconds at most", async () => {
  const path = `/api/v1/projects/${tenant.projectId}/api-keys`;
  const body = resource("api-key", { name: "abandoned" });
  const headers = { "idempotency-key": "dies", prefer: "wait=0" };
  const refused = await callOther(path, { data: {} }, headers);
  expect(refused.status).toBe(400);
  const first = callOther(path, body, { ...headers, "idempotency-key": "probe" });
  expect((await first).status).toBe(201);
  const [row] = await api.ports.db.execute<{ scope: string; request_hash: string }>(
    `select scope, request_hash from idempotency where idem_key = 'probe'`,
  );
  // The hash does not depend on the key, so this is what a process leaves behind that dies at once.
  const claimed = await claimKey(api.ports, {
    scope: row!.scope,
    key: "dies",
    requestHash: row!.request_hash,
  });
  expect(claimed.kind).toBe("run");
  const soon = await callOther(path, body, headers, 9_000);
  expect(soon.refusal).toBe("409 idempotency_in_progress");
  expect((await callOther(path, body, headers, 10_100)).status).toBe(201);
});

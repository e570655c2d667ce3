import { courierPaths } from "@claviger/shared/wire/subjects";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ALARM_SHOWN_MS } from "../db/tables/gateway.ts";
import { enrolFakeReplica, enrolmentKeys, type FakeReplica } from "../fleet/testing/fake-replica.ts";
import { makeTenant, startApi, type Tenant, type TestApi } from "../http/testing/api.ts";
import { sign } from "../http/testing/courier-calls.ts";

let api: TestApi;
let replica: FakeReplica | undefined;

beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await replica?.close();
  await api?.stop();
});

async function tokenOf(tenant: Tenant): Promise<string> {
  const body = { name: "eu-1", region: "eu-central" };
  return (await api.call("POST", "/api/v1/gateways/enrolment-tokens", { token: tenant.token, body }))
    .secretKey;
}

/** As a gateway's process enrols; status and code of the answer. */
async function enrolOver(token: string): Promise<string> {
  const { publicKey: nkey, sealKey } = enrolmentKeys();
  const body = { v: 1, token, slot: "7", nkey, sealKey, runtime: "node" };
  const { status, document } = await api.call("POST", courierPaths.enrol, { body });
  return `${status} ${(document as { error?: { code: string } }).error?.code ?? "enrolled"}`;
}

async function alarmsOf(tenant: Tenant): Promise<unknown[]> {
  const { document } = await api.call("GET", "/api/v1/gateways", { token: tenant.token });
  const { data } = document as unknown as { data: { attributes: { alarms: unknown[] } }[] };
  return data.flatMap(({ attributes }) => attributes.alarms);
}

const times = {
  firstAt: expect.stringMatching(/^\d{4}-.*Z$/),
  lastAt: expect.stringMatching(/^\d{4}-.*Z$/),
};

test("a token used once more than it allows is a 409 and an alarm with its gateway; one that expired is a 401", async () => {
  const [tenant, stranger] = [await makeTenant(api), await makeTenant(api)];
  const token = await tokenOf(tenant);
  await tokenOf(stranger);
  expect(await enrolOver(token)).toBe("200 enrolled");
  expect(await alarmsOf(tenant)).toEqual([]);
  for (let n = 0; n < 2; n++) expect(await enrolOver(token)).toBe("409 enrolment_used");
  const alarm = { code: "enrolment_used", replica: null, slot: "7", count: 2, ...times };
  expect(await alarmsOf(tenant)).toEqual([alarm]);
  expect(await alarmsOf(stranger)).toEqual([]);
  const next = await tokenOf(tenant);
  await api.ports.db.execute(
    sql`update enrolment_token set expires_at = now() - interval '1 second' where org_id = ${tenant.organizationId}`,
  );
  expect(await enrolOver(next)).toBe("401 enrolment_expired");
  expect(await alarmsOf(tenant)).toEqual([alarm]);
  const later = { ...alarm, firstAtMs: 0, lastAtMs: Date.now() - ALARM_SHOWN_MS };
  await api.ports.db.execute(
    sql`update gateway set alarms = ${JSON.stringify([later])}::jsonb where org_id = ${tenant.organizationId}`,
  );
  expect(await alarmsOf(tenant)).toEqual([]);
});

test("of two processes of one replica the older gets no proof over the bus and a 409 over HTTPS, and the gateway shows it", async () => {
  const tenant = await makeTenant(api);
  replica = await enrolFakeReplica(api.ports, await tokenOf(tenant));
  // It is noted beside the answer, which does not wait for it.
  const shown = (alarms: object[]) =>
    expect.poll(() => alarmsOf(tenant), { timeout: 30_000 }).toEqual(alarms);
  const [older, newer] = [{ boot: "1.AAAAAAAAAAAA" }, { boot: "2.AAAAAAAAAAAA" }];
  await replica.beat(older);
  expect((await replica.beat(newer)).boot).toBe(newer.boot);
  expect(await alarmsOf(tenant)).toEqual([]);
  await expect(replica.beat(older, 1)).rejects.toThrow();
  const alarm = { code: "replica_conflict", replica: replica.id, slot: "0", ...times };
  await shown([{ ...alarm, count: 1 }]);
  // The same heartbeat as the bus carries, by the other courier.
  const body = replica.heartbeat(older);
  const call = await sign({ method: "POST", path: courierPaths.heartbeat, body }, replica.user);
  const headers = { "content-type": "application/json", ...call.headers };
  const { status, document } = await api.call("POST", courierPaths.heartbeat, { raw: body, headers });
  expect([status, (document as { error?: { code: string } }).error?.code]).toEqual([409, "replica_conflict"]);
  await shown([{ ...alarm, count: 2 }]);
  expect((await replica.beat(newer)).boot).toBe(newer.boot);
});

import { parseToken } from "@claviger/shared/key/secret";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrolFakeReplica } from "../fleet/testing/fake-replica.ts";
import { makeTenant, startApi, type TestApi } from "../http/testing/api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const body = { name: "eu-1", region: "eu-central" };

test("an enrolment token is a secret as the others are: of their form, made once per idempotency key, shown once", async () => {
  const { token, organizationId } = await makeTenant(api);
  const headers = { "idempotency-key": "make-it-once" };
  const make = () => api.call("POST", "/api/v1/gateways/enrolment-tokens", { token, body, headers });
  const first = await make();
  expect([first.status, first.operation]).toEqual([201, null]);
  expect(parseToken(first.secretKey)).toMatchObject({ kind: "token", token: "enrolment" });
  const again = await make();
  expect(again.status).toBe(201);
  expect(again.resource).toEqual(first.resource);
  expect(again.meta.secretShown).toBe(true);
  expect(again.text).not.toContain(first.secretKey);
  const [row] = await api.ports.db.execute(sql`
    select count(*)::int as n from enrolment_token where org_id = ${organizationId}`);
  expect(row).toEqual({ n: 1 });
});

test("who made an enrolment token stands in the journal, which every gateway audits", async () => {
  const { token } = await makeTenant(api);
  const made = await api.call("POST", "/api/v1/gateways/enrolment-tokens", { token, body });
  const replica = await enrolFakeReplica(api.ports, made.secretKey);
  await replica.beat();
  await replica.catchUp();
  const next = await api.call("POST", "/api/v1/gateways/enrolment-tokens", { token, body });
  await replica.catchUp();
  expect(replica.held.deltas.at(-1)).toMatchObject({
    action: "enrolment-token.create",
    actor: { id: expect.stringMatching(/^pat_/) },
    restrictive: false,
    changes: [],
  });
  expect(next.meta.revision).toBe(`1.${replica.held.rev}`);
  await replica.close();
});

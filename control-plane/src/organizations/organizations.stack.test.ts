import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  makeMember,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

const edit = (attributes: object, token = tenant.token, headers: Record<string, string> = {}) =>
  api.call("PATCH", "/api/v1/organization", { token, body: resource("organization", attributes), headers });

test("an organization begins strict, without limits, and with its policy on gateways", async () => {
  const heard = await api.call("GET", "/api/v1/organization", { token: tenant.token });
  expect(heard.resource.id).toBe(tenant.organizationId);
  expect(heard.resource.attributes).toMatchObject({
    enabled: true,
    auditPolicy: "strict",
    defaultMaxOutputTokens: null,
    bodyCapture: false,
    budgetUsd: null,
  });
  const [row] = await api.ports.db.execute(
    sql`select record from org_record where kind = 'policy' and id = ${tenant.organizationId}`,
  );
  expect(row).toMatchObject({ record: { auditPolicy: "strict", enabled: true, budgetId: null } });
});

test("policy edits wait for the fleet, a new name does not; roles and revisions hold", async () => {
  const renamed = await edit({ name: "Acme" });
  expect([renamed.resource.attributes.name, renamed.operation]).toEqual(["Acme", null]);
  const relaxed = await edit({ auditPolicy: "continue" });
  const capped = await edit({ defaultMaxOutputTokens: 1000, budgetUsd: "5000", budgetAlertThresholds: [90] });
  expect(capped.resource.attributes).toMatchObject({ defaultMaxOutputTokens: 1000, budgetUsd: "5000" });
  const kinds = await api.ports.db.execute(
    sql`select kind from barrier_op where id in (${relaxed.operation.id}, ${capped.operation.id}) order by rev`,
  );
  expect(kinds.map(({ kind }) => kind)).toEqual(["giving", "restrictive"]);
  const late = await edit({ name: "Late" }, tenant.token, { "if-match": `"${renamed.meta.revision}"` });
  expect(late.refusal).toBe("409 edit_conflict");
  const { token } = await makeMember(api, tenant, "member");
  expect((await edit({ name: "x" }, token)).refusal).toBe("403 insufficient_role");
});

test("two organizations of one address: the password decides, and the oldest when it cannot", async () => {
  const operator = { token: "operator-token-of-the-tests-0123456789" };
  const create = (name: string, adminPassword: string) =>
    api.call("POST", "/api/v1/organizations", {
      ...operator,
      body: resource("organization", { name, adminEmail: "both@example.com", adminPassword }),
    });
  const first = await create("First", "the same password");
  const second = await create("Second", "the same password");
  const signIn = (attributes: object) =>
    api.call("POST", "/api/v1/sessions", {
      body: resource("session", { email: "both@example.com", password: "the same password", ...attributes }),
    });
  expect((await signIn({})).resource.attributes.organizationId).toBe(first.resource.id);
  const named = await signIn({ organizationId: second.resource.id });
  expect(named.resource.attributes.organizationId).toBe(second.resource.id);
  expect((await signIn({ organizationId: tenant.organizationId })).refusal).toBe("401 invalid_credentials");
});

test("a disabled organization's members are refused", async () => {
  const gone = await makeTenant(api);
  await api.ports.db.execute(sql`update organization set enabled = false where id = ${gone.organizationId}`);
  expect((await api.call("GET", "/api/v1/projects", { token: gone.token })).refusal).toBe(
    "401 organization_disabled",
  );
});

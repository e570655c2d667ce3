import type { KeyRecord, ProjectRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Heard,
  makeKey,
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

const call = (method: string, path: string, body?: object, token = tenant.token): Promise<Heard> =>
  api.call(method, `/api/v1${path}`, { token, ...(body === undefined ? {} : { body }) });

async function recordsOf(kind: string, id: string): Promise<(KeyRecord | ProjectRecord)[]> {
  const rows = await api.ports.db.execute<{ record: KeyRecord | ProjectRecord }>(
    sql`select record from org_record where kind = ${kind} and id = ${id}`,
  );
  return rows.map(({ record }) => record);
}

test("a project is made, read, listed, renamed and disabled; gateways are told", async () => {
  const made = await call(
    "POST",
    "/projects",
    resource("project", { name: "Web", budgetUsd: "100", budgetPeriod: "monthly" }),
  );
  const { id } = made.resource;
  expect(made.resource.attributes).toMatchObject({
    name: "Web",
    enabled: true,
    budgetUsd: "100",
    budgetPeriod: "monthly",
    budgetAlertThresholds: null,
  });
  expect((await call("GET", `/projects/${id}`)).resource).toEqual(made.resource);
  expect((await call("GET", "/projects")).resources[0]).toEqual(made.resource);
  const renamed = await call("PATCH", `/projects/${id}`, resource("project", { name: "Site" }));
  expect([renamed.resource.attributes.name, renamed.operation]).toEqual(["Site", null]);
  const off = await call("PATCH", `/projects/${id}`, resource("project", { enabled: false }, id));
  expect(off.operation.status).toBe("confirmed");
  expect(await recordsOf("project", id)).toMatchObject([
    { id, enabled: false, budgetId: expect.any(String) },
  ]);
});

test("members read projects and only admins change them; another organization sees none", async () => {
  const { token } = await makeMember(api, tenant, "member");
  expect((await call("GET", `/projects/${tenant.projectId}`, undefined, token)).status).toBe(200);
  const refused = await call("POST", "/projects", resource("project", { name: "x" }), token);
  expect([refused.refusal, refused.text.includes("role admin")]).toEqual(["403 insufficient_role", true]);
  const other = await makeTenant(api);
  const path = `/projects/${tenant.projectId}`;
  expect((await call("GET", path, undefined, other.token)).refusal).toBe("404 not_found");
  expect((await call("PATCH", path, resource("project", { name: "x" }), other.token)).refusal).toBe(
    "404 not_found",
  );
  expect((await call("DELETE", path, { keys: "delete" }, other.token)).refusal).toBe("404 not_found");
});

test("a project with keys is not deleted by accident; asked to, it takes keys and LLM keys along at once", async () => {
  const project = await call("POST", "/projects", resource("project", { name: "Gone" }));
  const { id } = project.resource;
  const key = await makeKey(api, { ...tenant, projectId: id });
  const llm = await call(
    "POST",
    `/projects/${id}/llm-api-keys`,
    resource("llm-api-key", { provider: "sandbox" }),
  );
  expect((await call("DELETE", `/projects/${id}`)).refusal).toBe("409 state_conflict");
  const deleted = await call("DELETE", `/projects/${id}`, { keys: "delete" });
  expect([deleted.status, deleted.operation.status]).toEqual([200, "confirmed"]);
  expect(await recordsOf("key", key.resource.id)).toMatchObject([{ status: "deleted" }]);
  expect(await recordsOf("project", id)).toMatchObject([{ enabled: false }]);
  expect(await recordsOf("provider", llm.resource.id)).toEqual([]);
  expect(await recordsOf("secret", llm.resource.id)).toEqual([]);
  expect((await call("GET", `/projects/${id}`)).refusal).toBe("404 not_found");
  expect((await call("GET", `/api-keys/${key.resource.id}`)).refusal).toBe("404 not_found");
  expect((await call("DELETE", `/projects/${id}`)).refusal).toBe("404 not_found");
});

/** A project with one LLM key made through the API, and as many as named in all: the others are its copies. */
async function projectWithLlmKeys(count: number): Promise<string> {
  const { id } = (await call("POST", "/projects", resource("project", { name: "Many" }))).resource;
  const llm = resource("llm-api-key", { provider: "sandbox" });
  const made = await call("POST", `/projects/${id}/llm-api-keys`, llm);
  await api.ports.db.execute(sql`
    insert into llm_key select (jsonb_populate_record(k, jsonb_build_object(
      'id', 'llm_' || lpad(n::text, 12, '0'), 'name', 'copy ' || n))).*
    from llm_key k, generate_series(2, ${count}::int) n where k.id = ${made.resource.id}`);
  return id;
}

test("a project takes 200 LLM keys, and with as many it can still be deleted", async () => {
  const id = await projectWithLlmKeys(199);
  const path = `/projects/${id}/llm-api-keys`;
  const last = await call("POST", path, resource("llm-api-key", { provider: "sandbox", name: "last" }));
  expect(last.status).toBe(201);
  const more = await call("POST", path, resource("llm-api-key", { provider: "sandbox", name: "more" }));
  expect([more.refusal, more.text.includes("200 LLM API keys")]).toEqual(["409 state_conflict", true]);
  const deleted = await call("DELETE", `/projects/${id}`);
  expect([deleted.status, deleted.operation.status]).toEqual([200, "confirmed"]);
});

test("a project that is too much for one change stays as it is, and no gateway hears of the attempt", async () => {
  const id = await projectWithLlmKeys(501);
  const revision = () =>
    api.ports.db.execute(sql`select rev from org_head where org_id = ${tenant.organizationId}`);
  const before = await revision();
  expect((await call("DELETE", `/projects/${id}`)).refusal).toBe("409 state_conflict");
  expect(await revision()).toEqual(before);
  expect((await call("GET", `/projects/${id}`)).status).toBe(200);
});

test("the end of a project is bounded by all keys: one that ended before may still be admitted somewhere", async () => {
  const { id } = (await call("POST", "/projects", resource("project", { name: "Bound" }))).resource;
  const deleted = await call("DELETE", `/projects/${id}`);
  const rows = await api.ports.db.execute(
    sql`select keys from barrier_op where id = ${deleted.operation.id}`,
  );
  expect(rows).toEqual([{ keys: "all" }]);
});

import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Heard,
  makeKey,
  makeMember,
  makeTenant,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

interface Result {
  readonly id: string;
  readonly state: string;
  readonly code?: string;
}

const bulk = (token: string, body: object): Promise<Heard> =>
  api.call("POST", "/api/v1/api-keys/bulk", { token, body });
const results = (heard: Heard) => heard.meta.results as Result[];
const attributesOf = async (tenant: Tenant, id: string) =>
  (await api.call("GET", `/api/v1/api-keys/${id}`, { token: tenant.token })).resource.attributes;
const make = async (tenant: Tenant, attributes: object) =>
  (await makeKey(api, tenant, attributes)).resource.id;

async function makeThree(tenant: Tenant): Promise<string[]> {
  return [
    await make(tenant, { name: "a" }),
    await make(tenant, { name: "b" }),
    await make(tenant, { name: "c" }),
  ];
}

async function entriesOf(tenant: Tenant): Promise<{ action: string; changes: number; keys: unknown }[]> {
  const rows = await api.ports.db.execute<{ jws: string }>(
    sql`select jws from org_change where org_id = ${tenant.organizationId} order by rev`,
  );
  return rows.map(({ jws }) => {
    const { action, changes } = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString());
    return { action, changes: changes.length, keys: changes.map(({ id }: { id: string }) => id) };
  });
}

test("one operation and one entry of the audit for all; what cannot be done to one is said of that one", async () => {
  const tenant = await makeTenant(api);
  const other = await makeTenant(api);
  const [a = "", b = "", c = ""] = await makeThree(tenant);
  const foreign = await make(other, { name: "foreign" });
  await api.call("POST", `/api/v1/api-keys/${b}/revoke`, { token: tenant.token });
  await api.call("POST", `/api/v1/api-keys/${c}/deactivate`, { token: tenant.token });
  const answer = await bulk(tenant.token, { action: "deactivate", ids: [a, b, c, foreign] });
  expect(answer.status, answer.text).toBe(200);
  expect(answer.operation.status).toBe("confirmed");
  expect(
    Object.fromEntries(results(answer).map(({ id, state, code = "" }) => [id, `${state} ${code}`.trim()])),
  ).toEqual({
    [a]: "changed",
    [b]: "refused state_conflict",
    [c]: "unchanged",
    [foreign]: "refused not_found",
  });
  expect((await attributesOf(tenant, a)).status).toBe("inactive");
  expect((await attributesOf(other, foreign)).status).toBe("active");
  expect((await entriesOf(tenant)).at(-1)).toEqual({ action: "api-key.deactivate", changes: 1, keys: [a] });
});

test("a limit, an expiry and tags for many: each key keeps what was not named, and a refused one keeps all", async () => {
  const tenant = await makeTenant(api);
  const ids = [
    await make(tenant, { name: "a", metadata: { team: "one", kept: 1 } }),
    await make(tenant, { name: "b", requestsPerMinute: 5 }),
  ];
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const attributes = { expiresAt, budgetUsd: "12.50", budgetPeriod: "monthly", metadata: { team: "two" } };
  const answer = await bulk(tenant.token, { action: "edit", ids, attributes });
  expect(results(answer).map(({ state }) => state)).toEqual(["changed", "changed"]);
  expect(await attributesOf(tenant, ids[0] ?? "")).toMatchObject({
    name: "a",
    expiresAt,
    budgetUsd: "12.50",
    metadata: { team: "two", kept: 1 },
  });
  expect(await attributesOf(tenant, ids[1] ?? "")).toMatchObject({
    requestsPerMinute: 5,
    metadata: { team: "two" },
  });
  const past = { expiresAt: new Date(Date.now() - 1000).toISOString(), budgetUsd: "1" };
  const refused = await bulk(tenant.token, { action: "edit", ids, attributes: past });
  expect(results(refused).map(({ state, code }) => [state, code])).toEqual([
    ["refused", "invalid_value"],
    ["refused", "invalid_value"],
  ]);
  expect((await attributesOf(tenant, ids[0] ?? "")).budgetUsd).toBe("12.50");
});

test("all that match a filter, 200 at a time, each once, in changes that gateways can take", async () => {
  const tenant = await makeTenant(api);
  const first = await make(tenant, { name: "row 0" });
  await api.ports.db.execute(sql`
    insert into api_key select (jsonb_populate_record(k, jsonb_build_object(
      'id', 'key_' || lpad(n::text, 12, '0'), 'name', 'row ' || n))).*
    from api_key k, generate_series(1, 449) n where k.id = ${first}`);
  await make(tenant, { name: "not of them" });
  const seen: string[] = [];
  let after: string | null = null;
  let calls = 0;
  do {
    const answer: Heard = await bulk(tenant.token, {
      action: "revoke",
      filter: { search: "row" },
      ...(after === null ? {} : { after }),
    });
    expect(answer.status, answer.text).toBe(200);
    seen.push(
      ...results(answer)
        .filter(({ state }) => state === "changed")
        .map(({ id }) => id),
    );
    after = answer.meta.next as string | null;
    calls += 1;
  } while (after !== null);
  expect([new Set(seen).size, seen.length]).toEqual([450, 450]);
  expect(calls).toBeGreaterThanOrEqual(3);
  const left = await api.call("GET", "/api/v1/api-keys?filter[status]=active", { token: tenant.token });
  expect(left.resources.map(({ attributes }) => attributes.name)).toEqual(["not of them"]);
});

test("members change their own keys only, viewers none", async () => {
  const tenant = await makeTenant(api);
  const [member, viewer] = [await makeMember(api, tenant, "member"), await makeMember(api, tenant, "viewer")];
  const id = await make(tenant, { name: "the owner's" });
  expect(results(await bulk(member.token, { action: "revoke", ids: [id] }))).toMatchObject([
    { state: "refused", code: "insufficient_role" },
  ]);
  expect((await bulk(viewer.token, { action: "revoke", ids: [id] })).refusal).toBe("403 insufficient_role");
  expect((await attributesOf(tenant, id)).status).toBe("active");
});

test.each([
  [{ action: "revoke" }, "400 invalid_value /ids"],
  [{ action: "revoke", ids: [] }, "400 invalid_value /ids"],
  [{ action: "revoke", ids: ["key_000000000000"], filter: {} }, "400 invalid_value /ids"],
  [{ action: "edit", ids: ["key_000000000000"] }, "400 invalid_value /attributes"],
  [{ action: "rotate", ids: ["key_000000000000"] }, "400 invalid_value /action"],
])("what is no bulk change is refused at its place: %j", async (body, refusal) => {
  const tenant = await makeTenant(api);
  expect((await bulk(tenant.token, body)).refusal).toBe(refusal);
});

test("safety filters find active keys without budget, without an end, idle for 90 days, and those that may everything", async () => {
  const tenant = await makeTenant(api);
  const soon = new Date(Date.now() + 86_400_000).toISOString();
  await make(tenant, { name: "tight", budgetUsd: "1", expiresAt: soon, allowedModels: ["a"] });
  const idle = await make(tenant, {
    name: "idle",
    budgetUsd: "1",
    expiresAt: soon,
    ipAllowlist: ["10.0.0.0/8"],
  });
  await make(tenant, { name: "endless", budgetUsd: "1", allowedProviders: ["openai"] });
  await make(tenant, { name: "broad", budgetUsd: "1", expiresAt: soon });
  await make(tenant, { name: "uncapped", expiresAt: soon, allowedModels: ["a"] });
  const off = await make(tenant, { name: "off" });
  await api.call("POST", `/api/v1/api-keys/${off}/deactivate`, { token: tenant.token });
  await api.ports.db.execute(
    sql`update api_key set created_at = now() - interval '91 days' where id = ${idle}`,
  );
  const named = async (safety: string) =>
    (
      await api.call("GET", `/api/v1/api-keys?filter[safety]=${safety}`, { token: tenant.token })
    ).resources.map(({ attributes }) => attributes.name);
  expect(await named("no-budget")).toEqual(["uncapped"]);
  expect(await named("never-expires")).toEqual(["endless"]);
  expect(await named("idle")).toEqual(["idle"]);
  expect(await named("permissive")).toEqual(["broad"]);
  const wrong = await api.call("GET", "/api/v1/api-keys?filter[safety]=x", { token: tenant.token });
  expect(wrong.refusal).toBe("400 invalid_value filter[safety]");
});

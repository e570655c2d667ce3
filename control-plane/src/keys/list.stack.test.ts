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

const NAMES = ["Ärger", "alpha", "Beta", "beta", "gamma 100%", "gamma_1", "omega", "Zeta"];

let api: TestApi;
let tenant: Tenant;
const ids = new Map<string, string>();
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
  await makeKey(api, await makeTenant(api), { name: "foreign" });
  const { id: ownerId } = await makeMember(api, tenant, "member");
  for (const [i, name] of NAMES.entries()) {
    const attributes = i % 2 === 0 ? { name, ownerId } : { name, expiresAt: `2099-01-0${i}T00:00:00Z` };
    ids.set(name, (await makeKey(api, tenant, attributes)).resource.id);
  }
  await change("omega", "revoke");
  await change("Zeta", "deactivate");
  await api.ports.db.execute(
    sql`update api_key set expires_at = '2020-01-01' where id = ${ids.get("gamma_1")!}`,
  );
  for (const [i, name] of NAMES.slice(0, 4).entries()) {
    const usedAt = new Date(1_700_000_000_000 + (i % 2) * 1000).toISOString();
    await api.ports.db.execute(sql`
      insert into key_usage (org_id, key_id, requests, last_used_at)
      values (${tenant.organizationId}, ${ids.get(name)!}, ${(i + 1) * 10}, ${usedAt})`);
  }
});
afterAll(() => api?.stop());

function change(name: string, verb: string): Promise<Heard> {
  return api.call("POST", `/api/v1/api-keys/${ids.get(name)}/${verb}`, { token: tenant.token });
}

function list(parameters: Record<string, string> = {}, path = "/api/v1/api-keys"): Promise<Heard> {
  const query = new URLSearchParams(parameters);
  return api.call("GET", `${path}?${query}`, { token: tenant.token });
}

const namesOf = (heard: Heard) => heard.resources.map(({ attributes }) => String(attributes.name));

test.each(
  ["name", "owner", "status", "requests", "lastUsedAt", "createdAt", "expiresAt", "spentUsd"].flatMap(
    (by) => [by, `-${by}`],
  ),
)("pages of a list sorted by %s hold every key once, in one order, whatever their size", async (sort) => {
  const whole = namesOf(await list({ sort }));
  expect([...whole].sort()).toEqual([...NAMES].sort());
  for (const size of [1, 3]) {
    const seen: string[] = [];
    let page = await list({ sort, "page[size]": String(size) });
    for (;;) {
      expect(page.resources.length).toBeLessThanOrEqual(size);
      seen.push(...namesOf(page));
      if (page.next === null) break;
      page = await api.call("GET", page.next, { token: tenant.token });
    }
    expect(seen).toEqual(whole);
  }
  const reversed = sort.startsWith("-") ? sort.slice(1) : `-${sort}`;
  expect(namesOf(await list({ sort: reversed }))).toEqual([...whole].reverse());
});

test("the default order is newest first, and the total is that of all that match", async () => {
  const answer = await list({ "page[size]": "2" });
  expect(namesOf(answer)).toEqual(["Zeta", "omega"]);
  expect(answer.meta).toEqual({ total: NAMES.length });
});

test("a page goes on where it ended although keys were made meanwhile", async () => {
  const first = await list({ sort: "-createdAt", "page[size]": "3" });
  const { id } = (await makeKey(api, tenant, { name: "late" })).resource;
  const second = await api.call("GET", first.next!, { token: tenant.token });
  expect(namesOf(second)).toEqual([...NAMES].reverse().slice(3, 6));
  await api.call("DELETE", `/api/v1/api-keys/${id}`, { token: tenant.token });
});

test.each([
  [{ "filter[status]": "revoked" }, ["omega"]],
  [{ "filter[status]": "inactive" }, ["Zeta"]],
  [{ "filter[status]": "expired" }, ["gamma_1"]],
  [{ "filter[status]": "revoked,expired" }, ["omega", "gamma_1"]],
  [{ "filter[search]": "BETA" }, ["beta", "Beta"]],
  [{ "filter[search]": "_", "filter[status]": "expired" }, ["gamma_1"]],
  [{ "filter[search]": "100%" }, ["gamma 100%"]],
  [{ "filter[search]": "\\" }, []],
  [{ "filter[owner]": "mem_000000000000" }, []],
])("filter %j finds %j", async (parameters, names) => {
  expect(namesOf(await list(parameters))).toEqual(names);
});

test("search finds a preview as it is shown, and as it begins", async () => {
  const { resource } = await api.call("GET", `/api/v1/api-keys/${ids.get("alpha")}`, { token: tenant.token });
  const preview = String(resource.attributes.preview);
  expect(namesOf(await list({ "filter[search]": preview }))).toEqual(["alpha"]);
  expect(namesOf(await list({ "filter[search]": preview.slice(-4) }))).toEqual(["alpha"]);
});

test("owner and project narrow the list; usage is the share of all that the organization ever admitted", async () => {
  const owned = await list({ "filter[owner]": tenant.memberId });
  expect(owned.resources).toHaveLength(4);
  const path = `/api/v1/projects/${tenant.projectId}/api-keys`;
  expect(namesOf(await list({}, path))).toHaveLength(NAMES.length);
  const shares = (await list({ sort: "-requests", "page[size]": "2" })).resources.map(({ attributes }) => [
    attributes.requests,
    attributes.usagePercent,
  ]);
  expect(shares).toEqual([
    [40, 40],
    [30, 30],
  ]);
});

test.each([
  [{ sort: "colour" }, "400 invalid_value sort"],
  [{ sort: "name,owner" }, "400 invalid_value sort"],
  [{ "filter[status]": "tired" }, "400 invalid_value filter[status]"],
  [{ "filter[colour]": "red" }, "400 unknown_parameter filter[colour]"],
  [{ "filter[search]": "\0" }, "400 invalid_value filter[search]"],
  [{ "page[size]": "0" }, "400 invalid_value page[size]"],
  [{ "page[size]": "201" }, "400 invalid_value page[size]"],
  [{ "page[size]": "ten" }, "400 invalid_value page[size]"],
  [{ "page[after]": "{" }, "400 invalid_value page[after]"],
  [{ "page[after]": Buffer.from('["a","b"]').toString("base64url") }, "400 invalid_value page[after]"],
])("%j is refused: %s", async (parameters, refusal) => {
  expect((await list(parameters)).refusal).toBe(refusal);
});

/** Disabling a member as a gateway sees it, and what nobody can do with keys of a disabled member. */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeReplica, startFakeReplica } from "../fleet/testing/fake-replica.ts";
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

const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  api.call(method, `/api/v1${path}`, {
    token: tenant.token,
    ...(body === undefined ? {} : { body }),
    ...(headers === undefined ? {} : { headers }),
  });
const enable = (id: string, enabled: boolean, headers?: Record<string, string>): Promise<Heard> =>
  call("PATCH", `/members/${id}`, resource("member", { enabled }), headers);
const keyOf = async (ownerId: string): Promise<string> =>
  (await makeKey(api, tenant, { name: "k", ownerId })).resource.id;
const statusOf = async (path: string) => (await call("GET", path)).resource.attributes.status;
const detailOf = (heard: Heard) => {
  const [error] = heard.document.errors as { detail: string }[];
  return `${heard.refusal}: ${error?.detail}`;
};

const OWNED_BY_DISABLED = "is disabled. Enable that member first, or give it another owner.";
const OWNER_DISABLED =
  "This member is disabled and cannot own keys. Enable the member first, or choose another.";

test("keys, agents and parents of delegated tokens stop in one change, which is 202 until the gateway's table has it", async () => {
  const other = await makeTenant(api);
  const member = await makeMember(api, other, "member");
  const path = `/api/v1/projects/${other.projectId}`;
  const ask = (token: string, method: string, at: string, body?: unknown) =>
    api.call(method, at, { token, headers: { prefer: "wait=0" }, ...(body === undefined ? {} : { body }) });
  const make = (noun: string, type: string) =>
    ask(member.token, "POST", `${path}/${noun}`, resource(type, { name: "mine" }));
  const key = (await make("api-keys", "api-key")).resource.id;
  const agent = (await make("agents", "agent")).resource.id;
  const delegated = await ask(member.token, "POST", `${path}/ephemeral-tokens`, { ttlSeconds: 60 });
  expect(delegated.status, delegated.text).toBe(201);
  const replica: FakeReplica = await startFakeReplica(api.ports, other.organizationId, "eu-1");
  try {
    await replica.catchUp();
    await replica.beat();
    replica.following = false;
    const disabled = await ask(
      other.token,
      "PATCH",
      `/api/v1/members/${member.id}`,
      resource("member", { enabled: false }),
    );
    expect([disabled.status, disabled.operation.status]).toEqual([202, "pending"]);
    await replica.catchUp();
    const last = replica.held.deltas.at(-1);
    expect(last?.action).toBe("member.disable");
    const seen = last?.changes.map(({ kind, id, ...change }) => [
      `${kind} ${[key, agent].includes(id) ? id : "of a token"}`,
      "record" in change && "status" in change.record ? change.record.status : change.op,
    ]);
    expect(new Map(seen as [string, string][])).toEqual(
      new Map([
        [`key ${key}`, "inactive"],
        [`agent ${agent}`, "inactive"],
        ["agent of a token", "inactive"],
      ]),
    );
    await replica.beat();
    const operation = await ask(other.token, "GET", `/api/v1/operations/${disabled.operation.id}`);
    expect(operation.resource.attributes.status).toBe("confirmed");
  } finally {
    await replica.close();
  }
});

test("nobody gives a key or an agent to a disabled member, by creating, editing one or many, or removing another member", async () => {
  const gone = await makeMember(api, tenant, "member");
  const leaving = await makeMember(api, tenant, "member");
  const key = await keyOf(tenant.memberId);
  await enable(gone.id, false);
  const refusal = `409 state_conflict /data/attributes/ownerId: ${OWNER_DISABLED}`;
  const given = { name: "x", ownerId: gone.id };
  expect(detailOf(await makeKey(api, tenant, given))).toBe(refusal);
  const agents = `/projects/${tenant.projectId}/agents`;
  expect(detailOf(await call("POST", agents, resource("agent", given)))).toBe(refusal);
  const owner = resource("api-key", { ownerId: gone.id });
  expect(detailOf(await call("PATCH", `/api-keys/${key}`, owner))).toBe(refusal);
  const bulk = { action: "edit", ids: [key], attributes: { ownerId: gone.id } };
  expect((await call("POST", "/api-keys/bulk", bulk)).meta.results).toMatchObject([
    { id: key, state: "refused", code: "state_conflict", detail: OWNER_DISABLED },
  ]);
  const removed = await call("DELETE", `/members/${leaving.id}`, { keys: { transferTo: gone.id } });
  expect(detailOf(removed)).toBe(`409 state_conflict /keys/transferTo: ${OWNER_DISABLED}`);
  expect((await call("GET", `/api-keys/${key}`)).resource.attributes.ownerId).toBe(tenant.memberId);
});

test("what stopped with its owner is not activated before the owner is back or another has it; single, many and agents", async () => {
  const owner = await makeMember(api, tenant, "member");
  const key = await keyOf(owner.id);
  const given = resource("agent", { name: "a", ownerId: owner.id });
  const agent = (await call("POST", `/projects/${tenant.projectId}/agents`, given)).resource.id;
  await enable(owner.id, false);
  expect(detailOf(await call("POST", `/api-keys/${key}/activate`))).toBe(
    `409 state_conflict: The owner of this API key ${OWNED_BY_DISABLED}`,
  );
  expect(detailOf(await call("POST", `/agents/${agent}/activate`))).toBe(
    `409 state_conflict: The owner of this agent ${OWNED_BY_DISABLED}`,
  );
  const bulk = await call("POST", "/api-keys/bulk", { action: "activate", ids: [key] });
  expect(bulk.meta.results).toMatchObject([{ id: key, state: "refused", code: "state_conflict" }]);
  expect(detailOf(await call("POST", `/api-keys/${key}/ephemeral-tokens`))).toContain("409 state_conflict");
  await call("DELETE", `/members/${owner.id}`, { keys: "deactivate" });
  expect(detailOf(await call("POST", `/api-keys/${key}/activate`))).toBe(
    "409 state_conflict: The owner of this API key was removed. Give it another owner first.",
  );
  await call("PATCH", `/api-keys/${key}`, resource("api-key", { ownerId: tenant.memberId }));
  expect((await call("POST", `/api-keys/${key}/activate`)).status).toBe(200);
  expect([await statusOf(`/api-keys/${key}`), await statusOf(`/agents/${agent}`)]).toEqual([
    "active",
    "inactive",
  ]);
});

test("more keys than one change takes: a refusal that changes nothing; tokens that are over do not count", async () => {
  const owner = await makeMember(api, tenant, "member");
  const key = await keyOf(owner.id);
  const copies = (kind: string, expires: string) => sql`
    insert into api_key select (jsonb_populate_record(k, jsonb_build_object(
      'id', 'key_' || lpad(n::text, 6, '0') || ${kind.slice(0, 3)} || right(k.id, 3), 'kind', ${kind}::text, 'status', 'active', 'hashes', '[]'::jsonb,
      'expires_at', ${expires}::text))).* from api_key k, generate_series(1, 201) n where k.id = ${key}`;
  await api.ports.db.execute(copies("hidden", "2001-01-01T00:00:00Z"));
  expect((await enable(owner.id, false)).status).toBe(200);
  await enable(owner.id, true);
  await api.ports.db.execute(copies("key", "2101-01-01T00:00:00Z"));
  const refused = await enable(owner.id, false);
  expect(detailOf(refused)).toBe(
    "409 state_conflict: This ends 201 API keys, more than one change takes. End some of them first.",
  );
  expect((await call("GET", `/members/${owner.id}`)).resource.attributes.enabled).toBe(true);
  expect((await api.call("GET", "/api/v1/api-keys", { token: owner.token })).status).toBe(401);
  expect((await call("DELETE", `/members/${owner.id}`, { keys: "deactivate" })).text).toContain(
    "201 API keys",
  );
});

import type { KeyRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Heard,
  makeMember,
  makeTenant,
  PASSWORD,
  resource,
  signInAs,
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

const add = (attributes: object, token = tenant.token): Promise<Heard> =>
  api.call("POST", "/api/v1/members", { token, body: resource("member", attributes) });
const edit = (id: string, attributes: object, token = tenant.token): Promise<Heard> =>
  api.call("PATCH", `/api/v1/members/${id}`, { token, body: resource("member", attributes) });
const remove = (id: string, body: object, token = tenant.token): Promise<Heard> =>
  api.call("DELETE", `/api/v1/members/${id}`, { token, body });

async function keyOf(member: { token: string }): Promise<string> {
  const path = `/api/v1/projects/${tenant.projectId}/api-keys`;
  return (await api.call("POST", path, { token: member.token, body: resource("api-key", { name: "k" }) }))
    .resource.id;
}

const statusOf = async (id: string) =>
  (await api.call("GET", `/api/v1/api-keys/${id}`, { token: tenant.token })).resource.attributes.status;

test("a member without a password gets one that is shown once and opens a session", async () => {
  const made = await add({ email: "New@Example.com", name: "New", role: "viewer" });
  expect(made.status).toBe(201);
  expect(made.resource.attributes).toMatchObject({ email: "new@example.com", name: "New", role: "viewer" });
  expect(await signInAs(api, "new@example.com", made.secretKey)).toMatch(/^claviger-session=./);
  expect((await add({ email: "new@example.com", role: "viewer" })).refusal).toBe(
    "409 name_conflict /data/attributes/email",
  );
});

test("the same address in another organization is another member, and nobody learns of it", async () => {
  const other = await makeTenant(api);
  const made = await add({ email: "twice@example.com", role: "viewer", password: "password of one" });
  const theirs = await add(
    { email: "twice@example.com", role: "admin", password: "password of two" },
    other.token,
  );
  expect([made.status, theirs.status]).toEqual([201, 201]);
  const session = await api.call("POST", "/api/v1/sessions", {
    body: resource("session", { email: "twice@example.com", password: "password of two" }),
  });
  expect(session.resource.attributes.organizationId).toBe(other.organizationId);
  expect((await edit(theirs.resource.id, { name: "x" })).refusal).toBe("404 not_found");
  expect((await remove(theirs.resource.id, { keys: "deactivate" })).refusal).toBe("404 not_found");
});

test("roles: admins make members, owners make owners, nobody lifts oneself, the last owner stays", async () => {
  const admin = await makeMember(api, tenant, "admin");
  const viewer = await makeMember(api, tenant, "viewer");
  expect((await add({ email: "x@example.com", role: "viewer" }, viewer.token)).refusal).toBe(
    "403 insufficient_role",
  );
  expect((await add({ email: "x@example.com", role: "owner" }, admin.token)).text).toContain("role owner");
  expect((await edit(viewer.id, { role: "admin" }, viewer.token)).refusal).toBe("403 insufficient_role");
  expect((await edit(viewer.id, { name: "Me" }, viewer.token)).resource.attributes.name).toBe("Me");
  expect((await edit(admin.id, { role: "owner" }, admin.token)).refusal).toBe("403 insufficient_role");
  expect((await edit(tenant.memberId, { role: "viewer" }, admin.token)).refusal).toBe(
    "403 insufficient_role",
  );
  expect((await edit(tenant.memberId, { role: "admin" })).refusal).toBe("409 state_conflict");
  expect((await remove(tenant.memberId, { keys: "deactivate" })).refusal).toBe("409 state_conflict");
  expect((await edit(viewer.id, { role: "member" }, admin.token)).resource.attributes.role).toBe("member");
  await keyOf(viewer);
});

test("a member that goes takes sessions and tokens along, and its keys stop in one restrictive operation", async () => {
  const member = await makeMember(api, tenant, "member");
  const cookie = await signInAs(api, member.email, PASSWORD);
  const keys = [await keyOf(member), await keyOf(member)];
  const gone = await remove(member.id, { keys: "deactivate" });
  expect([gone.status, gone.operation.status]).toEqual([200, "confirmed"]);
  expect(await Promise.all(keys.map(statusOf))).toEqual(["inactive", "inactive"]);
  const records = await api.ports.db.execute<{ record: KeyRecord }>(
    sql`select record from org_record where kind = 'key' and rev = ${Number(gone.operation.revision.split(".")[1])}`,
  );
  expect(records.map(({ record }) => record.status)).toEqual(["inactive", "inactive"]);
  expect((await api.call("GET", "/api/v1/projects", { token: member.token })).refusal).toBe(
    "401 invalid_token",
  );
  expect((await api.call("GET", "/api/v1/projects", { cookie })).refusal).toBe("401 authentication_required");
  expect(await signInAs(api, member.email, PASSWORD)).toBe("");
  expect((await remove(member.id, { keys: "deactivate" })).refusal).toBe("404 not_found");
  expect((await add({ email: member.email, role: "viewer" })).status).toBe(201);
});

test("or its keys get another owner and go on", async () => {
  const member = await makeMember(api, tenant, "member");
  const key = await keyOf(member);
  expect((await remove(member.id, { keys: { transferTo: member.id } })).refusal).toBe(
    "400 invalid_value /keys/transferTo",
  );
  expect((await remove(member.id, { keys: { transferTo: "mem_000000000000" } })).refusal).toBe(
    "404 not_found",
  );
  expect((await remove(member.id, { keys: { transferTo: tenant.memberId } })).operation.status).toBe(
    "confirmed",
  );
  const { attributes } = (await api.call("GET", `/api/v1/api-keys/${key}`, { token: tenant.token })).resource;
  expect(attributes).toMatchObject({ status: "active", ownerId: tenant.memberId });
});

test("members are listed oldest first", async () => {
  const list = await api.call("GET", "/api/v1/members?page[size]=1", { token: tenant.token });
  expect(list.resources.map(({ id }) => id)).toEqual([tenant.memberId]);
  const second = await api.call("GET", list.next!, { token: tenant.token });
  expect(second.resources[0]!.attributes.email).toBe("new@example.com");
});

/** The latest change as gateways and their audit read it. */
async function latest(): Promise<{ action: string; inflight: string; changes: unknown[] }> {
  const [row] = await api.ports.db.execute<{ jws: string }>(
    sql`select jws from org_change where org_id = ${tenant.organizationId} order by rev desc limit 1`,
  );
  return JSON.parse(Buffer.from(row?.jws.split(".")[1] ?? "", "base64url").toString());
}

test("a disabled member's sessions and tokens end, nobody signs in, the keys stop; enabling lets them in again and starts no key", async () => {
  const member = await makeMember(api, tenant, "member");
  const [key, revoked] = [await keyOf(member), await keyOf(member)];
  await api.call("POST", `/api/v1/api-keys/${revoked}/revoke`, { token: tenant.token });
  const cookie = await signInAs(api, member.email, PASSWORD);
  const disabled = await edit(member.id, { enabled: false });
  expect([disabled.status, disabled.resource.attributes.enabled]).toEqual([200, false]);
  expect(disabled.operation.status).toBe("confirmed");
  expect(await latest()).toMatchObject({
    action: "member.disable",
    operation: disabled.operation.id,
    restrictive: true,
    inflight: "abort",
    changes: [{ op: "put", kind: "key", id: key, record: { status: "inactive" } }],
  });
  expect((await api.call("GET", "/api/v1/api-keys", { token: member.token })).status).toBe(401);
  expect((await api.call("GET", "/api/v1/sessions/current", { cookie })).status).toBe(401);
  const signIn = { body: resource("session", { email: member.email, password: PASSWORD }) };
  expect((await api.call("POST", "/api/v1/sessions", signIn)).refusal).toBe("401 invalid_credentials");
  expect([await statusOf(key), await statusOf(revoked)]).toEqual(["inactive", "revoked"]);
  const again = await edit(member.id, { enabled: false });
  expect([again.status, again.meta.operation ?? null]).toEqual([200, null]);
  expect((await edit(member.id, { enabled: true })).resource.attributes.enabled).toBe(true);
  expect((await api.call("POST", "/api/v1/sessions", signIn)).status).toBe(201);
  expect(await statusOf(key)).toBe("inactive");
  const activated = await api.call("POST", `/api/v1/api-keys/${key}/activate`, { token: tenant.token });
  expect([activated.status, await statusOf(key)]).toEqual([200, "active"]);
});

test("nobody disables themselves, admins no owner, and a disabled owner does not count as one", async () => {
  const [admin, owner] = [await makeMember(api, tenant, "admin"), await makeMember(api, tenant, "owner")];
  const member = await makeMember(api, tenant, "member");
  expect((await edit(member.id, { enabled: false }, member.token)).refusal).toBe("403 insufficient_role");
  expect((await edit(admin.id, { enabled: false }, admin.token)).refusal).toBe("409 state_conflict");
  expect((await edit(owner.id, { enabled: false }, admin.token)).refusal).toBe("403 insufficient_role");
  expect((await edit(owner.id, { enabled: false })).status).toBe(200);
  expect((await edit(tenant.memberId, { role: "admin" })).refusal).toBe("409 state_conflict");
});

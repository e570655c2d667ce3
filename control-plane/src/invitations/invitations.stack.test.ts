import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Heard,
  makeMember,
  makeTenant,
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

const PASSWORD = "a password of somebody new";
let addresses = 0;
const anAddress = () => {
  addresses += 1;
  return `guest-${addresses}@example.com`;
};

const invite = (attributes: object, token = tenant.token): Promise<Heard> =>
  api.call("POST", "/api/v1/invitations", { token, body: resource("invitation", attributes) });
const lookUp = (token: string) => api.call("POST", "/api/v1/invitations/lookup", { body: { token } });
const accept = (token: string, more: object = {}) =>
  api.call("POST", "/api/v1/invitations/accept", { body: { token, password: PASSWORD, ...more } });
const list = (token = tenant.token) => api.call("GET", "/api/v1/invitations", { token });

test("a link is shown once, tells what it opens, and makes one member of that address and role", async () => {
  const email = anAddress();
  const made = await invite({ email: email.toUpperCase(), role: "member" });
  expect([made.status, made.resource.type, made.resource.attributes.status]).toEqual([
    201,
    "invitation",
    "open",
  ]);
  expect((await list()).text).not.toContain(made.secretKey);
  const told = await lookUp(made.secretKey);
  expect([told.status, told.resource.attributes.email, told.resource.attributes.role]).toEqual([
    200,
    email,
    "member",
  ]);
  const accepted = await accept(made.secretKey, { name: "Guest" });
  expect(accepted.status, accepted.text).toBe(201);
  expect(accepted.resource.attributes).toMatchObject({ email, name: "Guest", role: "member", enabled: true });
  expect(await signInAs(api, email, PASSWORD)).toMatch(/^claviger-session=./);
  expect((await accept(made.secretKey)).status).toBe(404);
  expect((await list()).resources.map(({ id }) => id)).not.toContain(made.resource.id);
});

test("of two who come with one link at once one becomes a member", async () => {
  const made = await invite({ email: anAddress(), role: "viewer" });
  const both = await Promise.all([accept(made.secretKey), accept(made.secretKey)]);
  expect(both.map(({ status }) => status).toSorted()).toEqual([201, 404]);
});

test("a link that was withdrawn, has ended, was replaced or made up gets one answer", async () => {
  const withdrawn = await invite({ email: anAddress(), role: "viewer" });
  expect(
    (await api.call("DELETE", `/api/v1/invitations/${withdrawn.resource.id}`, { token: tenant.token }))
      .status,
  ).toBe(200);
  const ended = await invite({ email: anAddress(), role: "viewer", expiresInDays: 1 });
  await api.ports.db.execute(
    sql`update invitation set expires_at = now() - interval '1 second' where id = ${ended.resource.id}`,
  );
  const email = anAddress();
  const replaced = await invite({ email, role: "viewer" });
  const present = await invite({ email, role: "viewer" });
  for (const { secretKey } of [withdrawn, ended, replaced, { secretKey: "x".repeat(43) }]) {
    const refused = [await lookUp(secretKey), await accept(secretKey)];
    expect(refused.map(({ refusal }) => refusal)).toEqual(["404 not_found", "404 not_found"]);
  }
  const shown = (await list()).resources.find(({ id }) => id === ended.resource.id);
  expect(shown?.attributes.status).toBe("expired");
  expect((await lookUp(present.secretKey)).status).toBe(200);
});

test("nobody invites to a role that they may not give, and an invitation falls with the right it stood on", async () => {
  const [member, admin] = [await makeMember(api, tenant, "member"), await makeMember(api, tenant, "admin")];
  const role = (wanted: string, token: string) => invite({ email: anAddress(), role: wanted }, token);
  expect((await role("viewer", member.token)).refusal).toBe("403 insufficient_role");
  expect((await role("owner", admin.token)).refusal).toBe("403 insufficient_role");
  expect((await role("owner", tenant.token)).status).toBe(201);
  expect((await list(member.token)).refusal).toBe("403 insufficient_role");
  const open = await role("admin", admin.token);
  expect(open.status).toBe(201);
  await api.call("PATCH", `/api/v1/members/${admin.id}`, {
    token: tenant.token,
    body: resource("member", { role: "member" }),
  });
  expect((await accept(open.secretKey)).refusal).toBe("404 not_found");
  const shown = (await list()).resources.find(({ id }) => id === open.resource.id);
  expect(shown?.attributes.status).toBe("void");
});

test("who is a member is not invited, and a foreign invitation cannot be withdrawn", async () => {
  expect((await invite({ email: tenant.email, role: "viewer" })).refusal).toBe(
    "409 name_conflict /data/attributes/email",
  );
  const other = await makeTenant(api);
  const theirs = await invite({ email: anAddress(), role: "viewer" }, other.token);
  const path = `/api/v1/invitations/${theirs.resource.id}`;
  expect((await api.call("DELETE", path, { token: tenant.token })).status).toBe(404);
  expect((await lookUp(theirs.secretKey)).status).toBe(200);
});

test("an acceptance needs a password that is long enough, and a refused one leaves the link open", async () => {
  const made = await invite({ email: anAddress(), role: "viewer" });
  expect((await accept(made.secretKey, { password: "short" })).refusal).toBe("400 invalid_value /password");
  expect((await accept(made.secretKey)).status).toBe(201);
});

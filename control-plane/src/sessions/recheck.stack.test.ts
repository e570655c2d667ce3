import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControlPlane } from "../app.ts";
import {
  makeMember,
  makeTenant,
  PASSWORD,
  resource,
  settings,
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

/** A change whose body arrives when `meanwhile` has happened; that begins when its sender was already admitted. */
async function change(
  [path, body]: readonly [string, object],
  credential: Record<string, string>,
  meanwhile: () => Promise<unknown>,
): Promise<string> {
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await meanwhile();
        controller.enqueue(new TextEncoder().encode(JSON.stringify(body)));
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const init = {
    method: "POST",
    headers: { "content-type": "application/json", ...credential },
    body: stream,
    duplex: "half",
  } as const;
  const request = new Request(`${settings.publicUrl}/api/v1${path}`, init);
  const response = await createControlPlane(api.ports, settings).fetch(request, { peer: "127.0.0.1" });
  const { errors } = (await response.json()) as { errors?: { code: string }[] };
  return [response.status, ...(errors ?? []).map(({ code }) => code)].join(" ");
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const project = ["/projects", resource("project", { name: "late" })] as const;
const token = ["/personal-access-tokens", resource("personal-access-token", { name: "late" })] as const;
const enrolment = ["/gateways/enrolment-tokens", { name: "late", region: "eu" }] as const;

async function leftovers(): Promise<object> {
  const [row] = await api.ports.db.execute<Record<string, number>>(sql`select
    (select count(*)::int from project where name = 'late') as projects,
    (select count(*)::int from personal_access_token where name = 'late') as tokens,
    (select count(*)::int from gateway where name = 'late') as gateways`);
  return row ?? {};
}

const nothing = { projects: 0, tokens: 0, gateways: 0 };

const demote = (id: string, role = "viewer") =>
  api.call("PATCH", `/api/v1/members/${id}`, {
    token: tenant.token,
    body: resource("member", { role }, id),
  });

test.each([
  ["project", project],
  ["enrolment token", enrolment],
])("whoever is demoted before the body has arrived makes no %s", async (_noun, asked) => {
  const member = await makeMember(api, tenant, "admin");
  const outcome = await change(asked, bearer(member.token), () => demote(member.id));
  expect(outcome).toBe("403 insufficient_role");
  expect(await leftovers()).toEqual(nothing);
});

test("a role that was lowered, but still is what the route asks for, decides nothing as the higher one", async () => {
  const owner = await makeMember(api, tenant, "owner");
  const asked = ["/members", resource("member", { email: "late@example.com", role: "owner" })] as const;
  const outcome = await change(asked, bearer(owner.token), () => demote(owner.id, "admin"));
  expect(outcome).toBe("409 state_conflict");
});

test.each([
  ["project", project],
  ["token", token],
  ["enrolment token", enrolment],
])("a token or a session that ends before the body has arrived makes no %s", async (_noun, asked) => {
  const { db } = api.ports;
  const member = await makeMember(api, tenant, "admin");
  const byToken = (statement: () => Promise<unknown>) => change(asked, bearer(member.token), statement);
  const tokens = sql`member_id = ${member.id}`;
  const expire = () => db.execute(sql`update personal_access_token set expires_at = now() where ${tokens}`);
  expect(await byToken(expire)).toBe("401 token_expired");
  await db.execute(sql`update personal_access_token set expires_at = null where ${tokens}`);
  const remove = () => db.execute(sql`delete from personal_access_token where ${tokens}`);
  expect(await byToken(remove)).toBe("401 invalid_token");
  const cookie = await signInAs(api, member.email, PASSWORD);
  const signOut = () => api.call("DELETE", "/api/v1/sessions/current", { cookie });
  expect(await change(asked, { cookie }, signOut)).toBe("401 authentication_required");
  expect(await leftovers()).toEqual(nothing);
});

test("a member who is deleted, or whose organization is disabled, before the body has arrived changes nothing", async () => {
  const member = await makeMember(api, tenant, "admin");
  const remove = () =>
    api.call("DELETE", `/api/v1/members/${member.id}`, {
      token: tenant.token,
      body: { keys: "deactivate" },
    });
  expect(await change(project, bearer(member.token), remove)).toBe("401 invalid_token");
  const other = await makeTenant(api);
  const disable = () =>
    api.ports.db.execute(sql`update organization set enabled = false where id = ${other.organizationId}`);
  expect(await change(project, bearer(other.token), disable)).toBe("401 organization_disabled");
  expect(await leftovers()).toEqual(nothing);
});

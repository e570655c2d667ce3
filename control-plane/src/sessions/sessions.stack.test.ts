import { prepareRanges } from "@claviger/shared/decide/ip-ranges";
import { hashSecret } from "@claviger/shared/key/secret";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControlPlane } from "../app.ts";
import {
  makeMember,
  makeTenant,
  makeToken,
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
  api = await startApi({ trustedProxies: prepareRanges(["127.0.0.0/8"]) });
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

const signIn = (email: string, password: string, headers: Record<string, string> = {}) =>
  api.call("POST", "/api/v1/sessions", { body: resource("session", { email, password }), headers });

test("signing in sets a cookie that scripts cannot read, shows who it is, and keeps only a hash of it", async () => {
  const heard = await signIn(tenant.email.toUpperCase(), PASSWORD);
  expect(heard.status).toBe(201);
  expect(heard.resource.attributes).toMatchObject({
    organizationId: tenant.organizationId,
    memberId: tenant.memberId,
    email: tenant.email,
    role: "owner",
    current: true,
  });
  const cookie = heard.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(
    /^claviger-session=[0-9A-Za-z]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=604800$/,
  );
  const [value = ""] = cookie.slice("claviger-session=".length).split(";");
  const [stored] = await api.ports.db.execute<{ text: string }>(
    sql`select string_agg(s::text, '') as text from session s`,
  );
  expect(stored!.text).not.toContain(value);
});

test("with https the cookie is bound to the host and to TLS", async () => {
  const app = createControlPlane(api.ports, { ...settings, publicUrl: "https://keys.example.com" });
  const response = await app.fetch(
    new Request("https://keys.example.com/api/v1/sessions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(resource("session", { email: tenant.email, password: PASSWORD })),
    }),
  );
  expect(response.headers.get("set-cookie")).toMatch(/^__Host-claviger-session=.*; Path=\/; .*; Secure$/);
});

test("a wrong password and an unknown address get the same answer", async () => {
  const wrong = await signIn(tenant.email, "not the password");
  const unknown = await signIn("nobody@example.com", "not the password");
  expect([wrong.refusal, unknown.refusal]).toEqual(["401 invalid_credentials", "401 invalid_credentials"]);
  const words = (text: string) => text.replaceAll(/req_[0-9A-Za-z]+/g, "");
  expect(words(wrong.text)).toBe(words(unknown.text));
});

test("after ten failures the account is closed to that address for a while, even for the right password", async () => {
  const { email } = await makeMember(api, tenant, "member");
  for (let i = 0; i < 10; i += 1) expect((await signIn(email, "wrong")).status).toBe(401);
  const closed = await signIn(email, PASSWORD);
  expect([closed.refusal, closed.headers.get("retry-after")]).toEqual(["429 rate_limit_exceeded", "900"]);
  expect((await signIn(tenant.email, PASSWORD)).status).toBe(201);
  await api.ports.db.execute(sql`update sign_in_failure set at = at - interval '16 minutes'`);
  expect((await signIn(email, PASSWORD)).status).toBe(201);
});

/** Signs in through a proxy that is trusted, from this address. */
const signInFrom = (address: string, email: string, password: string) =>
  signIn(email, password, { "x-forwarded-for": address });

test("failures from one address do not keep the right password from another address out", async () => {
  const { email } = await makeMember(api, tenant, "member");
  for (let i = 0; i < 10; i += 1) expect((await signInFrom("192.0.2.1", email, "wrong")).status).toBe(401);
  expect((await signInFrom("192.0.2.1", email, PASSWORD)).status).toBe(429);
  expect((await signInFrom("192.0.2.2", email, PASSWORD)).status).toBe(201);
});

test("the addresses of one IPv6 network count as one", async () => {
  const { email } = await makeMember(api, tenant, "member");
  for (let i = 1; i <= 10; i += 1) await signInFrom(`2001:db8::${i}`, email, "wrong");
  expect((await signInFrom("2001:db8::ffff", email, PASSWORD)).status).toBe(429);
  expect((await signInFrom("2001:db8:0:1::1", email, PASSWORD)).status).toBe(201);
});

test("an address with a thousand failures is closed for every account, and no other address is", async () => {
  await api.ports.db.execute(sql`insert into sign_in_failure
    select 'peer|192.0.2.3', now() - interval '1 minute' from generate_series(1, 999)`);
  expect((await signInFrom("192.0.2.3", "nobody@example.com", "wrong")).status).toBe(401);
  expect((await signInFrom("192.0.2.3", tenant.email, PASSWORD)).status).toBe(429);
  expect((await signInFrom("192.0.2.4", tenant.email, PASSWORD)).status).toBe(201);
});

test("an account with very many failures from everywhere is slower to open, and opens for the right password", async () => {
  const { email } = await makeMember(api, tenant, "member");
  const account = await hashSecret(email);
  const fail = (count: number) =>
    api.ports.db.execute(sql`insert into sign_in_failure
      select ${`account|${account}`}, now() - interval '1 minute' from generate_series(1, ${count}::int)`);
  const timed = async (password: string) => {
    const begunMs = performance.now();
    const { status } = await signInFrom("192.0.2.5", email, password);
    return { status, isSlow: performance.now() - begunMs >= 990 };
  };
  await fail(99);
  expect((await timed("wrong")).status).toBe(401);
  expect(await timed("wrong")).toEqual({ status: 401, isSlow: true });
  expect(await timed(PASSWORD)).toEqual({ status: 201, isSlow: true });
});

test("who asks is whom a trusted proxy names; what anybody else names is not read", async () => {
  const peerOf = async (headers: Record<string, string>) => {
    await signIn(tenant.email, PASSWORD, headers);
    const [row] = await api.ports.db.execute<{ peer: string }>(
      sql`select peer from session order by created_at desc limit 1`,
    );
    return row?.peer;
  };
  expect(await peerOf({})).toBe("127.0.0.1");
  expect(await peerOf({ "x-forwarded-for": "203.0.113.9, 198.51.100.7" })).toBe("198.51.100.7");
  expect(await peerOf({ "x-forwarded-for": "203.0.113.9, 127.0.0.2" })).toBe("203.0.113.9");
  const app = createControlPlane(api.ports, settings);
  const body = JSON.stringify(resource("session", { email: tenant.email, password: PASSWORD }));
  const headers = { "content-type": "application/json", "x-forwarded-for": "203.0.113.9" };
  const request = new Request(`${settings.publicUrl}/api/v1/sessions`, { method: "POST", headers, body });
  const heard = (await (await app.fetch(request, { peer: "127.0.0.1" })).json()) as { data: { id: string } };
  const [row] = await api.ports.db.execute(sql`select peer from session where id = ${heard.data.id}`);
  expect(row).toEqual({ peer: "127.0.0.1" });
});

test("more sign-ins at once than passwords are looked at: some are told to come again, and nobody is locked out", async () => {
  const { email } = await makeMember(api, tenant, "member");
  const wrong = Array.from({ length: 60 }, (_, i) =>
    signInFrom("192.0.2.6", `nobody-${i}@example.com`, "wrong"),
  );
  const answers = await Promise.all(wrong);
  const again = answers.filter((answer) => answer.headers.get("retry-after") === "1");
  expect(again.length).toBeGreaterThan(0);
  expect((await signInFrom("192.0.2.6", email, PASSWORD)).status).toBe(201);
});

test("one's own sessions are listed, ended one by one, and ended by signing out", async () => {
  const { email } = await makeMember(api, tenant, "viewer");
  const [first, second] = [await signInAs(api, email, PASSWORD), await signInAs(api, email, PASSWORD)];
  const list = await api.call("GET", "/api/v1/sessions", { cookie: second });
  expect(list.resources.map(({ attributes }) => attributes.current)).toEqual([true, false, false]);
  const other = list.resources[1]!.id;
  const foreign = await signInAs(api, tenant.email, PASSWORD);
  const refused = await api.call("DELETE", `/api/v1/sessions/${other}`, { cookie: foreign });
  expect(refused.refusal).toBe("404 not_found");
  expect((await api.call("DELETE", `/api/v1/sessions/${other}`, { cookie: second })).status).toBe(200);
  expect((await api.call("GET", "/api/v1/sessions/current", { cookie: first })).refusal).toBe(
    "401 authentication_required",
  );
  const out = await api.call("DELETE", "/api/v1/sessions/current", { cookie: second });
  expect([out.status, out.headers.get("set-cookie")]).toEqual([200, expect.stringContaining("Max-Age=0")]);
  expect((await api.call("GET", "/api/v1/projects", { cookie: second })).status).toBe(401);
});

test("a session ends by itself", async () => {
  const cookie = await signInAs(api, tenant.email, PASSWORD);
  await api.ports.db.execute(sql`update session set expires_at = now() - interval '1 second'`);
  expect((await api.call("GET", "/api/v1/projects", { cookie })).refusal).toBe("401 authentication_required");
});

test.each([
  [{ origin: "https://evil.example" }, 403],
  [{ "sec-fetch-site": "cross-site" }, 403],
  [{ "sec-fetch-site": "same-site", origin: settings.publicUrl }, 403],
  [{ origin: "null" }, 403],
  [{ origin: settings.publicUrl, "sec-fetch-site": "same-origin" }, 201],
  [{}, 201],
])("a change by cookie with %j answers %i: no other site acts through a browser", async (headers, status) => {
  const cookie = await signInAs(api, tenant.email, PASSWORD);
  const body = resource("project", { name: "p" });
  const heard = await api.call("POST", "/api/v1/projects", { cookie, body, headers });
  expect(heard.refusal).toBe(status === 403 ? "403 invalid_origin" : String(status));
  expect((await api.call("GET", "/api/v1/projects", { cookie, headers })).status).toBe(200);
});

test("a sign-in that another site starts is refused", async () => {
  expect((await signIn(tenant.email, PASSWORD, { origin: "https://evil.example" })).refusal).toBe(
    "403 invalid_origin",
  );
});

test.each([
  [undefined, "401 authentication_required"],
  ["Bearer ", "401 invalid_token authorization"],
  ["Basic YTpi", "401 invalid_token authorization"],
  ["Bearer clvp_nonsense", "401 invalid_token"],
  [`Bearer ${settings.operatorToken}`, "401 invalid_token"],
])("credentials %j: %s", async (authorization, refusal) => {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const heard = await api.call("GET", "/api/v1/api-keys", { headers });
  expect(heard.refusal).toBe(refusal);
  expect(heard.headers.get("www-authenticate")).toMatch(/^Bearer/);
});

test("tokens: a cap holds, is inherited, and cannot be widened; expiry and deletion end them at once", async () => {
  const cookie = await signInAs(api, tenant.email, PASSWORD);
  const capped = await makeToken(api, cookie, { role: "viewer" });
  const project = resource("project", { name: "p" });
  expect((await api.call("POST", "/api/v1/projects", { token: capped, body: project })).refusal).toBe(
    "403 insufficient_role",
  );
  const wider = resource("personal-access-token", { name: "wider", role: "admin" });
  expect(
    (await api.call("POST", "/api/v1/personal-access-tokens", { token: capped, body: wider })).refusal,
  ).toBe("403 insufficient_role");
  const child = resource("personal-access-token", { name: "child" });
  const made = await api.call("POST", "/api/v1/personal-access-tokens", { token: capped, body: child });
  expect(made.resource.attributes.role).toBe("viewer");
  const expiresAt = "2099-01-01T00:00:00.000Z";
  const brief = await makeToken(api, cookie, { expiresAt });
  expect((await api.call("GET", "/api/v1/projects", { token: brief })).status).toBe(200);
  await api.ports.db.execute(
    sql`update personal_access_token set expires_at = now() where expires_at is not null`,
  );
  expect((await api.call("GET", "/api/v1/projects", { token: brief })).refusal).toBe("401 token_expired");
  const path = `/api/v1/personal-access-tokens/${made.resource.id}`;
  expect((await api.call("DELETE", path, { cookie })).status).toBe(200);
  expect((await api.call("GET", "/api/v1/projects", { token: made.secretKey })).refusal).toBe(
    "401 invalid_token",
  );
  expect((await api.call("DELETE", path, { cookie })).refusal).toBe("404 not_found");
});

test("a token's limits are its children's, even where they do not bite yet", async () => {
  const cookie = await signInAs(api, tenant.email, PASSWORD);
  const { id, email } = await makeMember(api, tenant, "admin");
  const expiresAt = "2099-01-01T00:00:00.000Z";
  const parent = await makeToken(api, await signInAs(api, email, PASSWORD), { role: "admin", expiresAt });
  const child = (attributes: object) =>
    api.call("POST", "/api/v1/personal-access-tokens", {
      token: parent,
      body: resource("personal-access-token", { name: "child", ...attributes }),
    });
  const made = await child({});
  expect(made.resource.attributes).toMatchObject({ role: "admin", expiresAt });
  const nested = await api.call("POST", "/api/v1/personal-access-tokens", {
    token: made.secretKey,
    body: resource("personal-access-token", { name: "grandchild", role: null }),
  });
  expect(nested.resource.attributes).toMatchObject({ role: "admin", expiresAt });
  for (const later of ["2099-01-01T00:00:00.001Z", null]) {
    expect((await child({ expiresAt: later })).refusal).toBe("400 invalid_value /data/attributes/expiresAt");
  }
  expect((await child({ expiresAt: "2098-01-01T00:00:00.000Z" })).status).toBe(201);
  const promoted = resource("member", { role: "owner" }, id);
  expect((await api.call("PATCH", `/api/v1/members/${id}`, { cookie, body: promoted })).status).toBe(200);
  const owner = resource("personal-access-token", { name: "owner", role: "owner" });
  const wider = await api.call("POST", "/api/v1/personal-access-tokens", {
    token: nested.secretKey,
    body: owner,
  });
  expect(wider.refusal).toBe("403 insufficient_role");
});

test("tokens are one's own: members see theirs, admins all, other organizations none", async () => {
  const member = await makeMember(api, tenant, "member");
  const mine = await api.call("GET", "/api/v1/personal-access-tokens", { token: member.token });
  expect(mine.resources.map(({ attributes }) => attributes.memberId)).toEqual([member.id]);
  const [token] = mine.resources;
  const all = await api.call("GET", "/api/v1/personal-access-tokens?page[size]=200", { token: tenant.token });
  expect(all.resources.map(({ id }) => id)).toContain(token!.id);
  const other = await makeTenant(api);
  const path = `/api/v1/personal-access-tokens/${token!.id}`;
  expect((await api.call("GET", path, { token: other.token })).refusal).toBe("404 not_found");
  expect((await api.call("DELETE", path, { token: other.token })).refusal).toBe("404 not_found");
  expect((await api.call("GET", "/api/v1/projects", { token: member.token })).status).toBe(200);
});

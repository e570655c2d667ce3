import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type Heard,
  makeMember,
  makeTenant,
  PASSWORD,
  resource,
  settings,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";
import { type Person, startProvider, type TestProvider } from "./testing/openid-provider.ts";

const REDIRECT_URI = `${settings.publicUrl}/api/v1/single-sign-on/return`;

let api: TestApi;
let provider: TestProvider;
let tenant: Tenant;
beforeAll(async () => {
  [api, provider] = await Promise.all([startApi(), startProvider(REDIRECT_URI)]);
});
beforeEach(async () => {
  tenant = await makeTenant(api);
});
afterAll(async () => {
  await api?.stop();
  await provider?.stop();
});

const path = "/api/v1/single-sign-on";
const policyPath = "/api/v1/sign-in-policy";

function setUp(attributes: object = {}, token = tenant.token): Promise<Heard> {
  const { issuer, clientId, clientSecret } = provider;
  const body = resource("single-sign-on", {
    issuer,
    clientId,
    clientSecret,
    defaultRole: "viewer",
    ...attributes,
  });
  return api.call("PATCH", path, { token, body });
}

const cookieOf = (heard: Heard, name: string): string =>
  heard.headers
    .getSetCookie()
    .map((line) => line.split(";")[0] ?? "")
    .find((pair) => pair.startsWith(`${name}=`) && pair.length > name.length + 1) ?? "";

interface Browser {
  readonly ceremony: string;
  readonly returned: URL;
}

/** As far as where the provider sends the browser back to. */
async function goThere(organizationId = tenant.organizationId): Promise<Browser> {
  const begun = await api.call("GET", `${path}/begin?organization=${organizationId}`);
  expect(begun.status, begun.headers.get("location") ?? begun.text).toBe(303);
  const returned = new URL(await provider.visit(begun.headers.get("location") ?? ""));
  return { ceremony: cookieOf(begun, "claviger-sign-in"), returned };
}

const comeBack = ({ ceremony, returned }: Browser): Promise<Heard> =>
  api.call("GET", `${returned.pathname}${returned.search}`, ceremony === "" ? {} : { cookie: ceremony });

/** Signs in; the session's cookie, or the code that the sign-in page is given. */
async function signIn(person: Person | null): Promise<string> {
  provider.signsIn = person;
  const back = await comeBack(await goThere());
  expect(back.status).toBe(303);
  const session = cookieOf(back, "claviger-session");
  return (
    session || (new URL(back.headers.get("location") ?? "", "http://x").searchParams.get("signIn") ?? "")
  );
}

const me = async (cookie: string) =>
  (await api.call("GET", "/api/v1/sessions/current", { cookie })).resource.attributes;

let people = 0;
function somebody(claims: object = {}): Person {
  people += 1;
  return {
    sub: `person-${people}`,
    email: `person-${people}@example.com`,
    email_verified: true,
    name: "Ann",
    ...claims,
  };
}

test("an owner sets a provider up, its secret is never shown, and a person of it becomes a member", async () => {
  const made = await setUp();
  expect(made.status, made.text).toBe(200);
  expect(made.resource.attributes).toMatchObject({ hasClientSecret: true, redirectUri: REDIRECT_URI });
  expect(made.text).not.toContain(provider.clientSecret);
  const person = somebody();
  const cookie = await signIn(person);
  expect(await me(cookie)).toMatchObject({ email: person.email, name: "Ann", role: "viewer" });
  const [last] = await api.ports.db.execute<{ jws: string }>(
    sql`select jws from org_change where org_id = ${tenant.organizationId} order by rev desc limit 1`,
  );
  const delta = JSON.parse(Buffer.from(last?.jws.split(".")[1] ?? "", "base64url").toString());
  expect(delta).toMatchObject({ action: "member.create", actor: { id: "single-sign-on" } });
  const again = await signIn(person);
  expect((await me(again)).memberId).toBe((await me(cookie)).memberId);
});

test("only owners set it up, and only a provider that answers as its issuer is kept", async () => {
  const admin = await makeMember(api, tenant, "admin");
  expect((await setUp({}, admin.token)).refusal).toBe("403 insufficient_role");
  expect((await setUp({ issuer: `${provider.issuer}/elsewhere` })).refusal).toBe(
    "400 invalid_value /data/attributes/issuer",
  );
  expect((await setUp({ issuer: "https://169.254.169.254" })).refusal).toBe(
    "400 invalid_value /data/attributes/issuer",
  );
  expect((await api.call("GET", path, { token: tenant.token })).refusal).toBe("404 not_found");
  expect((await setUp({ issuer: undefined })).refusal).toBe(
    "400 missing_required_parameter /data/attributes/issuer",
  );
});

test("a known address is the member of that address, and from then on the subject decides", async () => {
  await setUp();
  const member = await makeMember(api, tenant, "member");
  const person = somebody({ email: member.email.toUpperCase() });
  expect(await me(await signIn(person))).toMatchObject({ memberId: member.id, role: "member" });
  const renamed = { ...person, email: "another@example.com" };
  expect((await me(await signIn(renamed))).memberId).toBe(member.id);
  // Somebody else to whom the provider gave that address later is not the same member.
  expect(await signIn(somebody({ email: member.email }))).toBe("single_sign_on_refused");
});

test("an address that the provider has not verified opens nothing", async () => {
  await setUp();
  const member = await makeMember(api, tenant, "admin");
  for (const email_verified of [false, undefined, "true"]) {
    expect(await signIn(somebody({ email: member.email, email_verified }))).toBe(
      "single_sign_on_email_unverified",
    );
  }
});

test("where owners trust the provider's addresses one without a word on it is taken, and a `false` is believed", async () => {
  await setUp({ trustEmail: true });
  const member = await makeMember(api, tenant, "admin");
  const unverified = somebody({ email: member.email, email_verified: false });
  expect(await signIn(unverified)).toBe("single_sign_on_email_unverified");
  const silent = somebody({ email: member.email, email_verified: undefined });
  expect((await me(await signIn(silent))).memberId).toBe(member.id);
});

test("claims decide the role at each sign-in, the highest counts, and the last owner stays one", async () => {
  await setUp({
    roleClaim: "groups",
    roleMapping: { ops: "admin", devs: "member", owners: "owner" },
    defaultRole: null,
  });
  const person = somebody({ groups: ["devs", "ops"] });
  const first = await signIn(person);
  expect((await me(first)).role).toBe("admin");
  expect((await me(await signIn({ ...person, groups: "devs" }))).role).toBe("member");
  // The session from before acts by the role of now.
  expect((await me(first)).role).toBe("member");
  expect(await signIn({ ...person, groups: ["constructor", "__proto__"] })).toBe("single_sign_on_no_role");
  const owner = somebody({ email: tenant.email, groups: ["devs"] });
  expect((await me(await signIn(owner))).role).toBe("owner");
});

test("a return is good once, in the browser that began, for what it began", async () => {
  await setUp();
  provider.signsIn = somebody();
  const failed = async (browser: Browser) => {
    const back = await comeBack(browser);
    expect(cookieOf(back, "claviger-session")).toBe("");
    return new URL(back.headers.get("location") ?? "", "http://x").searchParams.get("signIn");
  };
  const one = await goThere();
  expect(await failed({ ...one, ceremony: "" })).toBe("single_sign_on_expired");
  expect(await failed({ ...one, ceremony: `${one.ceremony.slice(0, -2)}AA` })).toBe("single_sign_on_expired");
  const other = await goThere();
  expect(await failed({ ceremony: other.ceremony, returned: one.returned })).toBe("single_sign_on_refused");
  expect(cookieOf(await comeBack(one), "claviger-session")).not.toBe("");
  expect(await failed(one)).toBe("single_sign_on_expired");
});

test("who declines, and who is disabled, comes back without a session", async () => {
  await setUp();
  expect(await signIn(null)).toBe("single_sign_on_refused");
  const person = somebody();
  const { memberId } = await me(await signIn(person));
  const body = resource("member", { enabled: false });
  await api.call("PATCH", `/api/v1/members/${memberId}`, { token: tenant.token, body });
  expect(await signIn(person)).toBe("single_sign_on_disabled");
});

test("an unknown organization, and one without a provider, get the same", async () => {
  const begin = (id: string) => api.call("GET", `${path}/begin?organization=${id}`);
  const places = await Promise.all([begin(tenant.organizationId), begin("org_000000000000")]);
  for (const heard of places) {
    expect(heard.headers.get("location")).toBe("/dashboard/?signIn=single_sign_on_not_set_up");
  }
});

test("with `owners` nobody else signs in by password, owners do, and it cannot be taken away meanwhile", async () => {
  const policy = (attributes: object) =>
    api.call("PATCH", policyPath, { token: tenant.token, body: resource("sign-in-policy", attributes) });
  expect((await policy({ ownSignIn: "owners" })).refusal).toBe(
    "400 invalid_value /data/attributes/ownSignIn",
  );
  await setUp();
  const member = await makeMember(api, tenant, "admin");
  expect((await policy({ ownSignIn: "owners" })).status).toBe(200);
  const byPassword = (email: string) =>
    api.call("POST", "/api/v1/sessions", { body: resource("session", { email, password: PASSWORD }) });
  expect((await byPassword(member.email)).refusal).toBe("403 single_sign_on_required");
  expect((await byPassword(tenant.email)).status).toBe(201);
  // Who has the same password in another organization still gets in there.
  const elsewhere = await makeTenant(api);
  const twice = resource("member", { email: member.email, role: "viewer", password: PASSWORD });
  await api.call("POST", "/api/v1/members", { token: elsewhere.token, body: twice });
  const entered = (await byPassword(member.email)).resource.attributes;
  expect(entered.organizationId).toBe(elsewhere.organizationId);
  await api.call("DELETE", `/api/v1/members/${entered.memberId}`, {
    token: elsewhere.token,
    body: { keys: "deactivate" },
  });
  expect((await api.call("DELETE", path, { token: tenant.token })).refusal).toBe("409 state_conflict");
  await policy({ ownSignIn: "everybody" });
  expect((await api.call("DELETE", path, { token: tenant.token })).status).toBe(200);
  expect((await byPassword(member.email)).status).toBe(201);
});

test("rules of sessions hold for those that are open: hours, and minutes without a request", async () => {
  const cookie = cookieOf(
    await api.call("POST", "/api/v1/sessions", {
      body: resource("session", { email: tenant.email, password: PASSWORD }),
    }),
    "claviger-session",
  );
  const { id } = (await api.call("GET", "/api/v1/sessions/current", { cookie })).resource;
  const look = async () => (await api.call("GET", "/api/v1/sessions/current", { cookie })).status;
  const age = (column: "created_at" | "last_used_at", minutes: number) =>
    api.ports.db.execute(
      sql`update session set ${sql.identifier(column)} = now() - make_interval(mins => ${minutes}) where id = ${id}`,
    );
  await age("last_used_at", 40);
  await age("created_at", 300);
  expect(await look()).toBe(200);
  const policy = (attributes: object) =>
    api.call("PATCH", policyPath, { token: tenant.token, body: resource("sign-in-policy", attributes) });
  await age("last_used_at", 40);
  expect((await policy({ idleMinutesMax: 30 })).status).toBe(200);
  expect(await look()).toBe(401);
  await policy({ idleMinutesMax: 60 });
  expect(await look()).toBe(200);
  await policy({ sessionHoursMax: 4 });
  expect(await look()).toBe(401);
  const short = await api.call("POST", "/api/v1/sessions", {
    body: resource("session", { email: tenant.email, password: PASSWORD }),
  });
  expect(short.headers.get("set-cookie")).toContain("Max-Age=14400");
});

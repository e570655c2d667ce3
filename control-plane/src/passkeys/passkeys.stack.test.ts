import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type Heard,
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
import { originOf } from "./party.ts";
import { type Authenticator, createAuthenticator } from "./testing/authenticator.ts";

const origin = originOf(settings);

let api: TestApi;
let tenant: Tenant;
/** Of who is signed in by password. */
let session: string;
let device: Authenticator;
beforeAll(async () => {
  api = await startApi();
});
beforeEach(async () => {
  tenant = await makeTenant(api);
  session = await signInAs(api, tenant.email, PASSWORD);
  device = createAuthenticator(origin);
});
afterAll(() => api?.stop());

type Options = Parameters<Authenticator["get"]>[0];

interface Challenge {
  readonly options: Options;
  readonly ceremony: string;
}

async function challenge(path: string, cookie?: string): Promise<Challenge> {
  const heard = await api.call("POST", `/api/v1/${path}`, cookie === undefined ? {} : { cookie });
  expect(heard.status, heard.text).toBe(201);
  const [ceremony = ""] = (heard.headers.get("set-cookie") ?? "").split(";");
  return { options: heard.resource.attributes.options as Options, ceremony };
}

const toCreate = () => challenge("passkeys/challenge", session);
const toSignIn = () => challenge("sessions/passkey-challenge");

const keep = (response: object, ceremony: string, cookie = session): Promise<Heard> =>
  api.call("POST", "/api/v1/passkeys", {
    cookie: `${cookie}; ${ceremony}`,
    body: resource("passkey", { name: "Laptop", response }),
  });
const enter = (response: object, ceremony: string): Promise<Heard> =>
  api.call("POST", "/api/v1/sessions/passkey", { cookie: ceremony, body: { response } });

async function register(): Promise<Heard> {
  const { options, ceremony } = await toCreate();
  return keep(device.create(options), ceremony);
}

test("a passkey is registered, opens a session of its member, and is gone when it is deleted", async () => {
  const made = await register();
  expect([made.status, made.resource.attributes.name], made.text).toEqual([201, "Laptop"]);
  const { options, ceremony } = await toSignIn();
  const entered = await enter(device.get(options), ceremony);
  expect(entered.status, entered.text).toBe(201);
  expect(entered.resource.attributes).toMatchObject({ memberId: tenant.memberId, email: tenant.email });
  const cookie = (entered.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const listed = await api.call("GET", "/api/v1/passkeys", { cookie });
  expect(listed.resources.map(({ attributes }) => attributes.lastUsedAt)).toEqual([expect.any(String)]);
  expect((await api.call("DELETE", `/api/v1/passkeys/${made.resource.id}`, { cookie })).status).toBe(200);
  const next = await toSignIn();
  expect((await enter(device.get(next.options), next.ceremony)).refusal).toBe("401 invalid_passkey");
});

test("a challenge is answered once, by the browser that asked, and one for registering opens nothing", async () => {
  await register();
  const { options, ceremony } = await toSignIn();
  const answer = device.get(options);
  expect((await enter(answer, "")).refusal).toBe("400 sign_in_expired");
  expect((await enter(answer, (await toCreate()).ceremony)).refusal).toBe("400 sign_in_expired");
  expect((await enter(answer, (await toSignIn()).ceremony)).refusal).toBe("401 invalid_passkey");
  expect((await enter(answer, ceremony)).status).toBe(201);
  expect((await enter(answer, ceremony)).refusal).toBe("400 sign_in_expired");
});

test("a token makes no passkey, which would have more rights than it and outlive it", async () => {
  const token = await makeToken(api, session, { role: "viewer" });
  const begun = await api.call("POST", "/api/v1/passkeys/challenge", { token });
  expect(begun.refusal).toBe("403 insufficient_role");
  const { options, ceremony } = await toCreate();
  const body = resource("passkey", { name: "Laptop", response: device.create(options) });
  const made = await api.call("POST", "/api/v1/passkeys", { token, cookie: ceremony, body });
  expect(made.refusal).toBe("403 insufficient_role");
});

test("what another site, a device without its user, a clone or a stranger signs opens nothing", async () => {
  await register();
  const liars: ((options: Options) => object)[] = [
    (options) => device.get(options, { origin: "https://evil.example" }),
    (options) => device.get(options, { rpId: "evil.example" }),
    // User present, and not verified.
    (options) => device.get(options, { flags: 0b0000_0001 }),
    (options) => ({ ...device.get(options), id: createAuthenticator(origin).get(options).id }),
    (options) => {
      const { response } = createAuthenticator(origin).get(options) as unknown as { response: object };
      return { ...device.get(options), response };
    },
    () => ({ id: device.get({ challenge: "x" }).id }),
  ];
  for (const liar of liars) {
    const { options, ceremony } = await toSignIn();
    expect((await enter(liar(options), ceremony)).refusal).toBe("401 invalid_passkey");
  }
  const ahead = await toSignIn();
  expect((await enter(device.get(ahead.options, { counter: 50 }), ahead.ceremony)).status).toBe(201);
  const behind = await toSignIn();
  expect((await enter(device.get(behind.options, { counter: 49 }), behind.ceremony)).refusal).toBe(
    "401 invalid_passkey",
  );
});

test("nobody registers with somebody else's challenge, twice, or from another site", async () => {
  const other = await makeTenant(api);
  const theirs = await signInAs(api, other.email, PASSWORD);
  const mine = await toCreate();
  expect((await keep(device.create(mine.options), mine.ceremony, theirs)).refusal).toBe(
    "400 sign_in_expired",
  );
  const evil = await toCreate();
  const answer = device.create(evil.options, { origin: "https://evil.example" });
  expect((await keep(answer, evil.ceremony)).refusal).toBe("400 invalid_value /data/attributes/response");
  expect((await register()).status).toBe(201);
  expect((await register()).refusal).toBe("409 name_conflict");
});

test("a disabled member's passkey opens nothing, and works again when the member is enabled", async () => {
  await register();
  const invited = await api.call("POST", "/api/v1/members", {
    token: tenant.token,
    body: resource("member", { email: "second@example.com", role: "owner", password: PASSWORD }),
  });
  const second = await signInAs(api, "second@example.com", PASSWORD);
  expect(invited.status).toBe(201);
  const enable = (enabled: boolean) =>
    api.call("PATCH", `/api/v1/members/${tenant.memberId}`, {
      cookie: second,
      body: resource("member", { enabled }),
    });
  expect((await enable(false)).status).toBe(200);
  const off = await toSignIn();
  expect((await enter(device.get(off.options), off.ceremony)).refusal).toBe("401 invalid_passkey");
  await enable(true);
  const on = await toSignIn();
  expect((await enter(device.get(on.options), on.ceremony)).status).toBe(201);
});

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type Heard,
  makeMember,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";

const ALLOWED = "127.0.0.1:23501";
const HOOK = `http://${ALLOWED}/hook?team=blue`;

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi({ egressAllow: [ALLOWED], mail: true });
});
afterAll(() => api?.stop());
beforeEach(async () => {
  tenant = await makeTenant(api);
});

const PATH = "/api/v1/notification-channels";
const create = (attributes: object, token = tenant.token, more: object = {}): Promise<Heard> =>
  api.call("POST", PATH, {
    token,
    body: resource("notification-channel", { name: "Ops", ...attributes }),
    ...more,
  });
const list = (token = tenant.token) => api.call("GET", PATH, { token });

test("a webhook's secret is shown once, and Slack's URL never again", async () => {
  const hook = await create({ kind: "webhook", url: HOOK }, tenant.token, {
    headers: { "idempotency-key": "one" },
  });
  expect([hook.status, hook.secretKey]).toEqual([201, expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/)]);
  expect(hook.resource.attributes).toMatchObject({
    kind: "webhook",
    name: "Ops",
    url: HOOK,
    enabled: true,
    kinds: null,
  });
  const again = await create({ kind: "webhook", url: HOOK }, tenant.token, {
    headers: { "idempotency-key": "one" },
  });
  expect([again.status, again.resource.id, again.meta.secretKey, again.meta.secretShown]).toEqual([
    ...[201, hook.resource.id, undefined, true],
  ]);
  const slack = await create({ kind: "slack", url: `http://${ALLOWED}/services/T0/B0/hush` });
  expect([slack.status, slack.meta.secretKey]).toEqual([201, undefined]);
  const shown = (await list()).text;
  expect(shown).not.toContain("hush");
  expect(shown).not.toContain(hook.secretKey);
  const rotated = await api.call("POST", `${PATH}/${hook.resource.id}/rotate`, { token: tenant.token });
  expect([rotated.status, rotated.secretKey === hook.secretKey]).toEqual([200, false]);
  const rows = await api.ports.db.execute("select * from notification_channel");
  const stored = JSON.stringify(rows, (_, value) =>
    value?.type === "Buffer" ? Buffer.from(value.data).toString("latin1") : value,
  );
  for (const secret of ["hush", hook.secretKey.slice(6), rotated.secretKey.slice(6)])
    expect(stored).not.toContain(secret);
});

test("what is no channel is refused at its place", async () => {
  const refused = async (attributes: object) => (await create(attributes)).refusal;
  const at = (name: string) => `/data/attributes/${name}`;
  expect(await refused({ kind: "webhook" })).toBe(`400 missing_required_parameter ${at("url")}`);
  expect(await refused({ kind: "email" })).toBe(`400 missing_required_parameter ${at("recipients")}`);
  expect(await refused({ kind: "pager", url: HOOK })).toBe(`400 invalid_value ${at("kind")}`);
  expect(await refused({ kind: "email", recipients: ["nobody"] })).toMatch(/^400 invalid_value .*recipients/);
  expect(await refused({ kind: "email", recipients: ["a@b.example"], url: HOOK })).toBe(
    `400 invalid_value ${at("url")}`,
  );
  expect(await refused({ kind: "slack", url: HOOK, recipients: ["a@b.example"] })).toBe(
    `400 invalid_value ${at("recipients")}`,
  );
  expect(await refused({ kind: "webhook", url: HOOK, kinds: [] })).toMatch(/^400 invalid_value .*kinds/);
  for (const url of [
    ...[
      "http://example.com/",
      "https://127.0.0.1/",
      "https://169.254.169.254/",
      "https://10.0.0.1/",
      "https://[::1]/",
    ],
    ...[
      "https://metadata.google.internal/",
      "ftp://example.com/",
      "https://user:pass@example.com/",
      "nothing",
    ],
  ]) {
    expect([url, await refused({ kind: "webhook", url })]).toEqual([url, `400 invalid_value ${at("url")}`]);
  }
  const without = await startApi({ mail: false }, api.databaseUrl);
  try {
    const body = resource("notification-channel", { name: "m", kind: "email", recipients: ["a@b.example"] });
    const answer = await without.call("POST", PATH, { token: tenant.token, body });
    expect([answer.refusal, answer.text]).toEqual([
      ...[`400 invalid_value ${at("kind")}`, expect.stringContaining("CLAVIGER_SMTP_URL")],
    ]);
  } finally {
    await without.stop();
  }
});

test("an edit keeps what it does not name; a revision that is not the present one is refused; a delete is for good", async () => {
  const { resource: made } = await create({ kind: "webhook", url: HOOK, kinds: ["gateway.offline"] });
  const at = `${PATH}/${made.id}`;
  const edit = (attributes: object, headers: Record<string, string> = {}) =>
    api.call("PATCH", at, {
      token: tenant.token,
      body: resource("notification-channel", attributes),
      headers,
    });
  expect((await edit({ enabled: false })).resource.attributes).toMatchObject({
    enabled: false,
    url: HOOK,
    kinds: ["gateway.offline"],
  });
  expect((await edit({ kinds: null, name: "Night" })).resource.attributes).toMatchObject({
    kinds: null,
    name: "Night",
  });
  expect((await edit({ name: "x" }, { "if-match": '"1.1"' })).refusal).toBe("409 edit_conflict");
  expect((await edit({ recipients: ["a@b.example"] })).refusal).toBe(
    "400 invalid_value /data/attributes/recipients",
  );
  expect((await api.call("DELETE", at, { token: tenant.token })).status).toBe(200);
  expect((await api.call("GET", at, { token: tenant.token })).status).toBe(404);
});

test("channels and deliveries are the admins' alone, rules everybody may read, and nobody reaches another organization's", async () => {
  const { resource: made } = await create({ kind: "webhook", url: HOOK });
  const [member, viewer] = [await makeMember(api, tenant, "member"), await makeMember(api, tenant, "viewer")];
  for (const { token } of [member, viewer]) {
    expect((await list(token)).refusal).toBe("403 insufficient_role");
    expect((await create({ kind: "webhook", url: HOOK }, token)).refusal).toBe("403 insufficient_role");
    expect((await api.call("POST", `${PATH}/${made.id}/test`, { token })).refusal).toBe(
      "403 insufficient_role",
    );
    expect((await api.call("GET", "/api/v1/notification-deliveries", { token })).status).toBe(403);
    expect((await api.call("GET", "/api/v1/notification-rules", { token })).status).toBe(200);
    expect((await api.call("GET", "/api/v1/notifications", { token })).status).toBe(200);
  }
  const other = await makeTenant(api);
  for (const [method, path] of [
    ...([
      ["GET", ""],
      ["PATCH", ""],
      ["DELETE", ""],
      ["POST", "/test"],
      ["POST", "/rotate"],
    ] as const),
  ]) {
    const body = method === "PATCH" ? { body: resource("notification-channel", { name: "mine" }) } : {};
    expect(
      (await api.call(method, `${PATH}/${made.id}${path}`, { token: other.token, ...body })).status,
    ).toBe(404);
  }
  expect((await list(other.token)).resources).toEqual([]);
});

test("rules have defaults, an edit keeps what it does not name, and what is out of bounds is refused", async () => {
  const path = "/api/v1/notification-rules";
  const edit = (attributes: object) =>
    api.call("PATCH", path, { token: tenant.token, body: resource("notification-rules", attributes) });
  const { attributes } = (await api.call("GET", path, { token: tenant.token })).resource;
  expect(attributes).toMatchObject({ budgetThreshold: { enabled: true, thresholds: [80, 100] } });
  expect((await edit({ keyExpiring: { days: [30, 3] }, gatewayOffline: { enabled: false } })).status).toBe(
    200,
  );
  expect((await edit({ budgetThreshold: { thresholds: [90, 50] } })).resource.attributes).toMatchObject({
    budgetThreshold: { enabled: true, thresholds: [50, 90] },
    keyExpiring: { enabled: true, days: [3, 30] },
    gatewayOffline: { enabled: false, afterSeconds: 120 },
  });
  expect((await edit({ errorSpike: { percent: 101 } })).refusal).toMatch(/^400 invalid_value/);
  expect((await edit({ gatewayOffline: { afterSeconds: 5 } })).refusal).toMatch(/^400 invalid_value/);
  expect((await edit({ weather: {} })).status).toBe(400);
});

import { hashSecret } from "@claviger/shared/key/secret";
import type { KeyRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
let other: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
  other = await makeTenant(api);
});
afterAll(() => api?.stop());

const post = (path: string, body?: unknown, token = tenant.token): Promise<Heard> =>
  api.call("POST", `/api/v1${path}`, { token, ...(body === undefined ? {} : { body }) });
const patch = (id: string, attributes: object, headers: Record<string, string> = {}): Promise<Heard> =>
  api.call("PATCH", `/api/v1/api-keys/${id}`, {
    token: tenant.token,
    body: resource("api-key", attributes),
    headers,
  });
const read = (id: string, token = tenant.token): Promise<Heard> =>
  api.call("GET", `/api/v1/api-keys/${id}`, { token });

/** What gateways are told about a key. */
async function recordOf(id: string): Promise<KeyRecord> {
  const rows = await api.ports.db.execute<{ record: KeyRecord }>(
    sql`select record from org_record where kind = 'key' and id = ${id}`,
  );
  return rows[0]!.record;
}

async function effectOfLast(heard: Heard): Promise<string | undefined> {
  const rows = await api.ports.db.execute<{ kind: string }>(
    sql`select kind from barrier_op where id = ${heard.operation?.id ?? ""}`,
  );
  return rows[0]?.kind;
}

test("a new key shows its secret once, stores its hash only, and tells gateways what they need and no more", async () => {
  const attributes = {
    name: "Production",
    note: "for the shop",
    expiresAt: "2099-01-01T00:00:00.000Z",
    requestsPerMinute: 60,
    tokensPerMinute: 1000,
    maxConcurrency: 4,
    budgetUsd: "12.50",
    budgetPeriod: "monthly",
    budgetAlertThresholds: [50, 80, 100],
    allowedProviders: ["sandbox"],
    allowedModels: ["echo", "gpt-4o*"],
    ipAllowlist: ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"],
    metadata: { team: "backend", nested: { a: [1, null, true] } },
    mcp: { enabled: true, mode: "allow-list", servers: ["docs"], tools: { docs: [] } },
    maxStalenessSeconds: 30,
  };
  const made = await makeKey(api, tenant, attributes);
  expect(made.status).toBe(201);
  expect(made.resource.attributes).toMatchObject({
    ...attributes,
    status: "active",
    generation: 1,
    ownerId: tenant.memberId,
    projectId: tenant.projectId,
    gatewayIds: null,
    requests: 0,
    lastUsedAt: null,
    usagePercent: 0,
  });
  expect(made.secretKey).toMatch(/^clv_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
  expect(made.resource.id).toBe(`key_${made.secretKey.slice(9, 21)}`);
  expect(made.operation).toMatchObject({ status: "confirmed", revision: made.meta.revision });
  expect(made.resource.attributes.revision).toBe(made.meta.revision);
  const again = await read(made.resource.id);
  expect(again.resource).toEqual(made.resource);
  expect(again.text).not.toContain("secretKey");
  const record = await recordOf(made.resource.id);
  expect(record).toMatchObject({
    hashes: [{ hash: await hashSecret(made.secretKey), generation: 1, notAfterMs: null }],
    ipAllowlist: ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"],
    expiresAtMs: Date.parse(attributes.expiresAt),
    status: "active",
  });
  expect(record.budgetId).toMatch(/^bud_/);
  expect(Object.keys(record)).not.toEqual(expect.arrayContaining(["name"]));
});

test("defaults: a missing name is the note, every list is all, and MCP is off", async () => {
  const made = await makeKey(api, tenant, { note: "Onboarding API Key", expires_at: null });
  expect(made.resource.attributes).toMatchObject({
    name: "Onboarding API Key",
    note: "Onboarding API Key",
    expiresAt: null,
    allowedModels: null,
    ipAllowlist: null,
    mcp: { enabled: false },
    maxStalenessSeconds: 900,
    budgetUsd: null,
    metadata: {},
  });
});

test("rotate: a new secret and generation; the old hash stays as a tombstone, or until its grace ends", async () => {
  const made = await makeKey(api, tenant);
  const id = made.resource.id;
  const first = await post(`/api-keys/${id}/rotate`);
  expect(first.status).toBe(200);
  expect(first.secretKey).not.toBe(made.secretKey);
  expect(first.resource.attributes).toMatchObject({ generation: 2, graceEndsAt: null });
  expect(await effectOfLast(first)).toBe("restrictive");
  const before = Date.now();
  const second = await post(`/api-keys/${id}/rotate`, { graceSeconds: 3600 });
  const record = await recordOf(id);
  expect(record.hashes.map(({ generation }) => generation)).toEqual([1, 2, 3]);
  const [oldest, graced, live] = record.hashes;
  expect(oldest).toMatchObject({ hash: await hashSecret(made.secretKey), notAfterMs: 0 });
  expect(graced!.notAfterMs).toBeGreaterThanOrEqual(before + 3_600_000);
  expect(live).toMatchObject({ hash: await hashSecret(second.secretKey), notAfterMs: null });
  expect(second.resource.attributes.graceEndsAt).toBe(new Date(graced!.notAfterMs!).toISOString());
  expect((await post(`/api-keys/${id}/rotation/end`)).resource.attributes.graceEndsAt).toBeNull();
  expect((await recordOf(id)).hashes[1]!.notAfterMs).toBe(0);
  expect((await post(`/api-keys/${id}/rotation/end`)).refusal).toBe("409 state_conflict");
});

test("a second rotation within a grace ends the first one: at most two secrets live", async () => {
  const { id } = (await makeKey(api, tenant)).resource;
  await post(`/api-keys/${id}/rotate`, { graceSeconds: 3600 });
  await post(`/api-keys/${id}/rotate`, { graceSeconds: 3600 });
  const live = (await recordOf(id)).hashes.filter(({ notAfterMs }) => notAfterMs !== 0);
  expect(live.map(({ generation }) => generation)).toEqual([2, 3]);
});

test("revoke twice is one operation; activate is the next generation of the same secret", async () => {
  const made = await makeKey(api, tenant);
  const { id } = made.resource;
  const revoked = await post(`/api-keys/${id}/revoke`, { reason: "leaked", inflight: "drain" });
  expect(revoked.resource.attributes.status).toBe("revoked");
  const again = await post(`/api-keys/${id}/revoke`);
  expect([again.status, again.operation.id]).toEqual([200, revoked.operation.id]);
  expect((await post(`/api-keys/${id}/deactivate`)).refusal).toBe("409 state_conflict");
  const active = await post(`/api-keys/${id}/activate`);
  expect(active.resource.attributes).toMatchObject({ status: "active", generation: 2 });
  expect(active.meta).toMatchObject({ sameSecret: true });
  expect(await effectOfLast(active)).toBe("giving");
  expect((await recordOf(id)).hashes).toEqual([
    { hash: await hashSecret(made.secretKey), generation: 2, notAfterMs: null },
  ]);
});

test("deactivate and activate keep the generation; each twice is once", async () => {
  const { id } = (await makeKey(api, tenant)).resource;
  const off = await post(`/api-keys/${id}/deactivate`);
  expect(off.resource.attributes).toMatchObject({ status: "inactive", generation: 1 });
  expect((await post(`/api-keys/${id}/deactivate`)).operation.id).toBe(off.operation.id);
  const on = await post(`/api-keys/${id}/activate`);
  expect(on.resource.attributes).toMatchObject({ status: "active", generation: 1 });
  expect((await post(`/api-keys/${id}/activate`)).operation.id).toBe(on.operation.id);
});

test("delete leaves a tombstone for gateways and nothing for callers: afterwards everything is a 404", async () => {
  const made = await makeKey(api, tenant);
  const { id } = made.resource;
  const deleted = await api.call("DELETE", `/api/v1/api-keys/${id}`, { token: tenant.token });
  expect([deleted.status, deleted.document.data]).toEqual([200, null]);
  expect(deleted.operation.status).toBe("confirmed");
  expect(await recordOf(id)).toMatchObject({ status: "deleted", generation: 1 });
  expect((await recordOf(id)).hashes[0]!.hash).toBe(await hashSecret(made.secretKey));
  expect((await read(id)).refusal).toBe("404 not_found");
  for (const verb of ["rotate", "activate", "deactivate", "revoke", "rotation/end"]) {
    expect((await post(`/api-keys/${id}/${verb}`)).refusal).toBe("404 not_found");
  }
  expect((await patch(id, { name: "x" })).refusal).toBe("404 not_found");
});

test.each([
  ["a new note", { note: "n" }, undefined],
  ["a wider list", { allowedModels: ["echo", "story"] }, "giving"],
  ["no list at all", { allowedModels: null }, "giving"],
  ["a narrower list", { allowedModels: ["echo-1"] }, "restrictive"],
  ["a first IP list", { ipAllowlist: ["10.0.0.0/8"] }, "restrictive"],
  ["a lower limit", { requestsPerMinute: 5 }, "restrictive"],
  ["a first budget", { budgetUsd: "1" }, "restrictive"],
  ["an expiry", { expiresAt: "2098-01-01T00:00:00Z" }, "restrictive"],
  ["a wider list and a lower limit", { allowedModels: null, requestsPerMinute: 5 }, "restrictive"],
])("an edit to %s waits for the fleet as it should", async (_, attributes, effect) => {
  const { id } = (await makeKey(api, tenant, { name: "k", allowedModels: ["echo"], requestsPerMinute: 9 }))
    .resource;
  const edited = await patch(id, attributes);
  expect(edited.status).toBe(200);
  expect(edited.resource.attributes).toMatchObject(
    "expiresAt" in attributes ? { expiresAt: "2098-01-01T00:00:00.000Z" } : attributes,
  );
  expect(await effectOfLast(edited)).toBe(effect);
});

test("budgets: lowering is restrictive, raising gives, removing gives; the period needs a budget", async () => {
  const { id } = (await makeKey(api, tenant, { name: "k", budgetUsd: "10" })).resource;
  const { budgetId } = await recordOf(id);
  expect(await effectOfLast(await patch(id, { budgetUsd: "9.5" }))).toBe("restrictive");
  expect(await effectOfLast(await patch(id, { budgetUsd: "20" }))).toBe("giving");
  expect(await effectOfLast(await patch(id, { budgetPeriod: "daily" }))).toBe("restrictive");
  expect(await effectOfLast(await patch(id, { budgetAlertThresholds: [10] }))).toBeUndefined();
  // Another calendar is another budget: what gateways hold of the one before is of no use for it.
  expect((await recordOf(id)).budgetId).toMatch(/^bud_/);
  expect((await recordOf(id)).budgetId).not.toBe(budgetId);
  const gone = await patch(id, { budgetUsd: null });
  expect(gone.resource.attributes).toMatchObject({ budgetUsd: null, budgetPeriod: null });
  expect(await effectOfLast(gone)).toBe("giving");
  expect((await patch(id, { budgetPeriod: "daily" })).refusal).toBe(
    "400 invalid_value /data/attributes/budgetPeriod",
  );
});

test("If-Match: an older revision is a conflict that shows the present key, and changes nothing", async () => {
  const made = await makeKey(api, tenant);
  const { id } = made.resource;
  const etag = `"${made.meta.revision}"`;
  expect((await read(id)).headers.get("etag")).toBe(etag);
  await makeKey(api, tenant);
  const edited = await patch(id, { name: "second" }, { "if-match": etag });
  expect(edited.status).toBe(200);
  const late = await patch(id, { name: "third" }, { "if-match": etag });
  expect(late.refusal).toBe("409 edit_conflict");
  expect(late.meta).toEqual({ resource: edited.resource, revision: edited.meta.revision });
  expect((await read(id)).resource).toEqual(edited.resource);
});

test("an expired key shows as expired, and giving it new life has a name of its own in the audit", async () => {
  const { id } = (await makeKey(api, tenant, { name: "k", expiresAt: "2098-01-01T00:00:00Z" })).resource;
  await api.ports.db.execute(sql`update api_key set expires_at = '2020-01-01' where id = ${id}`);
  expect((await read(id)).resource.attributes.status).toBe("expired");
  expect((await patch(id, { name: "renamed" })).resource.attributes.status).toBe("expired");
  expect((await patch(id, { expiresAt: null })).resource.attributes.status).toBe("active");
});

describe("who may", () => {
  test("viewers read, members change their own keys, admins change all", async () => {
    const viewer = await makeMember(api, tenant, "viewer");
    const member = await makeMember(api, tenant, "member");
    const admin = await makeMember(api, tenant, "admin");
    const ownersKey = (await makeKey(api, tenant)).resource.id;
    const path = `/projects/${tenant.projectId}/api-keys`;
    const body = resource("api-key", { name: "mine" });
    const refused = await post(path, body, viewer.token);
    expect(refused.refusal).toBe("403 insufficient_role");
    expect(refused.text).toContain("role member");
    expect((await read(ownersKey, viewer.token)).status).toBe(200);
    const mine = await post(path, body, member.token);
    expect(mine.resource.attributes.ownerId).toBe(member.id);
    expect((await post(`/api-keys/${mine.resource.id}/rotate`, undefined, member.token)).status).toBe(200);
    const foreign = await post(`/api-keys/${ownersKey}/revoke`, undefined, member.token);
    expect([foreign.refusal, foreign.text.includes("role admin")]).toEqual(["403 insufficient_role", true]);
    expect((await read(ownersKey)).resource.attributes.status).toBe("active");
    expect((await post(`/api-keys/${ownersKey}/revoke`, undefined, admin.token)).status).toBe(200);
    const given = resource("api-key", { name: "gift", ownerId: viewer.id });
    expect((await post(path, given, member.token)).refusal).toBe("403 insufficient_role");
    expect((await post(path, given, admin.token)).resource.attributes.ownerId).toBe(viewer.id);
  });

  test("another organization's key, project and member are not found, by any verb", async () => {
    const { id } = (await makeKey(api, tenant)).resource;
    const { token } = other;
    const answers = [
      await read(id, token),
      await post(`/api-keys/${id}/revoke`, undefined, token),
      await post(`/api-keys/${id}/rotate`, undefined, token),
      await api.call("DELETE", `/api/v1/api-keys/${id}`, { token }),
      await api.call("GET", `/api/v1/projects/${tenant.projectId}/api-keys`, { token }),
      await post(`/projects/${tenant.projectId}/api-keys`, resource("api-key", { name: "x" }), token),
    ];
    expect(answers.map((answer) => answer.refusal)).toEqual(answers.map(() => "404 not_found"));
    const list = await api.call("GET", "/api/v1/api-keys", { token });
    expect(list.text).not.toContain(id);
    const owner = await makeKey(api, other, { name: "x", ownerId: tenant.memberId });
    expect(owner.refusal).toBe("404 not_found /data/attributes/ownerId");
    expect((await read(id)).resource.attributes.status).toBe("active");
  });
});

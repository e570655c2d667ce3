import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControlPlane } from "../app.ts";
import {
  type CallOptions,
  type Heard,
  makeMember,
  makeTenant,
  resource,
  settings,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";
import { claimKey, recordOutcome } from "./claim.ts";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

let keys = 0;
const newKey = () => {
  keys += 1;
  return `test-${keys}`;
};

function create(key: string, name: string, options: CallOptions = {}): Promise<Heard> {
  return api.call("POST", `/api/v1/projects/${tenant.projectId}/api-keys`, {
    token: tenant.token,
    body: resource("api-key", { name }),
    headers: { "idempotency-key": key },
    ...options,
  });
}

async function countKeys(name: string): Promise<number> {
  const rows = await api.ports.db.execute(sql`select 1 from api_key where name = ${name}`);
  return rows.length;
}

test("a replay is the first answer with the same status and body, without the secret (I20)", async () => {
  const key = newKey();
  const first = await create(key, "replayed");
  const replay = await create(key, "replayed");
  expect([replay.status, replay.resource]).toEqual([201, first.resource]);
  expect(JSON.stringify(replay.resource)).toBe(JSON.stringify(first.resource));
  const { secretKey, ...meta } = first.meta;
  expect(replay.meta).toEqual({ ...meta, secretShown: true });
  expect(replay.text).not.toContain(String(secretKey));
  expect(await countKeys("replayed")).toBe(1);
});

test("twenty at once with one key have one effect: one is 201, the rest wait their turn or replay (I20)", async () => {
  const key = newKey();
  const answers = await Promise.all(Array.from({ length: 20 }, () => create(key, "concurrent")));
  expect(await countKeys("concurrent")).toBe(1);
  const withSecret = answers.filter((answer) => answer.text.includes('"secretKey"'));
  expect(withSecret).toHaveLength(1);
  for (const answer of answers) expect(["201", "409 idempotency_in_progress"]).toContain(answer.refusal);
  const [first] = withSecret;
  expect((await create(key, "concurrent")).resource).toEqual(first!.resource);
});

test("another body, another path or another member with the same key is a 422 and has no effect", async () => {
  const key = newKey();
  const first = await create(key, "original");
  expect((await create(key, "changed")).refusal).toBe("422 idempotency_mismatch");
  const revoke = await api.call("POST", `/api/v1/api-keys/${first.resource.id}/revoke`, {
    token: tenant.token,
    headers: { "idempotency-key": key },
  });
  expect(revoke.refusal).toBe("422 idempotency_mismatch");
  const { token } = await makeMember(api, tenant, "admin");
  expect((await create(key, "original", { token })).refusal).toBe("422 idempotency_mismatch");
  expect(await countKeys("changed")).toBe(0);
});

test("keys of two organizations do not meet", async () => {
  const key = newKey();
  const other = await makeTenant(api);
  await create(key, "ours");
  const theirs = await api.call("POST", `/api/v1/projects/${other.projectId}/api-keys`, {
    token: other.token,
    body: resource("api-key", { name: "ours" }),
    headers: { "idempotency-key": key },
  });
  expect(theirs.status).toBe(201);
});

test("a refused request has no effect, so its key may be used for the repaired one", async () => {
  const key = newKey();
  expect((await create(key, "")).refusal).toBe("400 invalid_value /data/attributes/name");
  expect((await create(key, "repaired")).status).toBe(201);
});

test("a process that died after the commit: the retry gets the resource it made, once, and no secret", async () => {
  const key = newKey();
  const first = await create(key, "survivor");
  await api.ports.db.execute(sql`update idempotency set status = null, body = null where idem_key = ${key}`);
  const retry = await create(key, "survivor");
  expect([retry.status, retry.resource]).toEqual([201, first.resource]);
  expect(retry.meta).toMatchObject({ secretShown: true, operation: { id: first.operation.id } });
  expect(retry.text).not.toContain("secretKey");
  expect(await countKeys("survivor")).toBe(1);
});

/** The same request to a process of which one part is broken. */
async function createAt(broken: Partial<TestApi["ports"]>, key: string, name: string): Promise<number> {
  const url = `${settings.publicUrl}/api/v1/projects/${tenant.projectId}/api-keys`;
  const headers = {
    "content-type": "application/vnd.api+json",
    authorization: `Bearer ${tenant.token}`,
    "idempotency-key": key,
  };
  const body = JSON.stringify(resource("api-key", { name }));
  const app = createControlPlane({ ...api.ports, ...broken }, settings);
  return (await app.fetch(new Request(url, { method: "POST", headers, body }), {})).status;
}

test("the outcome is committed with the change: what fails right after the commit has happened once", async () => {
  const key = newKey();
  const publish = () => {
    throw new Error("broken on purpose");
  };
  expect(await createAt({ bus: { publish, connected: true } }, key, "committed")).toBe(500);
  const retry = await create(key, "committed");
  expect([retry.status, retry.resource.attributes.name]).toEqual([201, "committed"]);
  expect(retry.meta).toMatchObject({ secretShown: true });
  expect(await countKeys("committed")).toBe(1);
});

test("the outcome is committed with the change: what fails after it was written has not happened", async () => {
  const key = newKey();
  const sign = () => Promise.reject(new Error("broken on purpose"));
  expect(await createAt({ sign }, key, "undone")).toBe(500);
  expect(await countKeys("undone")).toBe(0);
  const retry = await create(key, "undone");
  expect([retry.status, retry.text.includes('"secretKey"')]).toEqual([201, true]);
  expect(await countKeys("undone")).toBe(1);
});

test("whoever was thought dead and wakes after a take-over cannot commit a second effect", async () => {
  const request = { scope: "x", key: newKey(), requestHash: "h" };
  const slow = await claimKey(api.ports, request);
  await expect(claimKey(api.ports, request)).rejects.toMatchObject({ code: "idempotency_in_progress" });
  await api.ports.db.execute(
    sql`update idempotency set lease_until = now() - interval '1 second' where scope = 'x'`,
  );
  const takers = await Promise.allSettled([claimKey(api.ports, request), claimKey(api.ports, request)]);
  const [winner, ...rest] = takers.filter((taker) => taker.status === "fulfilled");
  expect(rest).toEqual([]);
  if (slow.kind !== "run" || winner?.value.kind !== "run") throw new Error("both must have been told to run");
  const outcome = { resource: null, created: true, effect: "giving", secret: false, revision: null } as const;
  await expect(recordOutcome(api.ports.db, slow.claim, outcome)).rejects.toMatchObject({
    code: "idempotency_in_progress",
  });
  await recordOutcome(api.ports.db, winner.value.claim, outcome);
});

test("tokens and organizations replay without their secrets too, and nothing of a password is kept", async () => {
  const token = { "idempotency-key": newKey() };
  const body = resource("personal-access-token", { name: "ci" });
  const made = await api.call("POST", "/api/v1/personal-access-tokens", {
    token: tenant.token,
    body,
    headers: token,
  });
  const again = await api.call("POST", "/api/v1/personal-access-tokens", {
    token: tenant.token,
    body,
    headers: token,
  });
  expect(again.resource).toEqual(made.resource);
  expect(again.meta).toEqual({ secretShown: true });
  const operator = {
    token: settings.operatorToken,
    body: resource("organization", {
      name: "Once",
      adminEmail: "once@example.com",
      adminPassword: "once upon a time",
    }),
    headers: { "idempotency-key": newKey() },
  };
  const organization = await api.call("POST", "/api/v1/organizations", operator);
  expect((await api.call("POST", "/api/v1/organizations", operator)).resource).toEqual(organization.resource);
  const [stored] = await api.ports.db.execute<{ text: string }>(
    sql`select string_agg(i::text, '') as text from idempotency i`,
  );
  expect(stored!.text).not.toContain(made.secretKey);
  expect(stored!.text).not.toContain("once upon a time");
});

test.each(["", "x".repeat(256), "schlüssel"])("a malformed Idempotency-Key is refused: %j", async (key) => {
  const headers = { "idempotency-key": key === "schlüssel" ? "schl\u00fcssel" : key };
  const answer = await create("unused", "malformed", { headers });
  expect(answer.refusal).toBe("400 invalid_header idempotency-key");
  expect(await countKeys("malformed")).toBe(0);
});

import { randomBytes } from "node:crypto";
import { makeApiKey, makeToken, remakeSecret } from "@claviger/shared/key/secret";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signInFailure } from "../db/tables/sign-in-failure.ts";
import { makeKey, makeTenant, resource, startApi, type Tenant, type TestApi } from "../http/testing/api.ts";
import { holdsAgentSecret } from "./report.ts";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

const post = (path: string, body?: unknown) =>
  api.call("POST", `/api/v1${path}`, { token: tenant.token, ...(body === undefined ? {} : { body }) });
const statusOf = async (path: string) =>
  (await api.call("GET", `/api/v1${path}`, { token: tenant.token })).resource.attributes.status;

/** Hands a secret in as a stranger would; returns what the stranger reads. */
async function report(secret: string): Promise<string> {
  await api.ports.db.execute(sql`delete from sign_in_failure`);
  const answer = await api.call("POST", "/api/v1/leaked-keys", { body: { secret } });
  expect(answer.headers.get("content-type")).toBe("application/vnd.api+json");
  return `${answer.status} ${answer.text}`;
}

/** The latest change as gateways and their audit read it. */
async function latest(): Promise<Record<string, unknown>> {
  const [row] = await api.ports.db.execute<{ jws: string }>(
    sql`select jws from org_change where org_id = ${tenant.organizationId} order by rev desc limit 1`,
  );
  return JSON.parse(Buffer.from(row!.jws.split(".")[1]!, "base64url").toString());
}

test("whatever is handed in, and whatever became of it, the answer is the same", async () => {
  const key = await makeKey(api, tenant);
  const random = (n: number) => new Uint8Array(randomBytes(n));
  const valid = await report(key.secretKey);
  expect(valid).toBe('202 {"data":null,"meta":{"received":true}}');
  const others = [
    key.secretKey,
    makeApiKey(random).secret,
    makeToken("agent", random),
    makeToken("personalAccess", random),
    makeToken("enrolment", random),
    "clve_a.b.c",
    "nothing of ours",
    `${key.secretKey.slice(0, -1)}_`,
  ];
  for (const secret of others) expect(await report(secret)).toBe(valid);
});

test("a key's secret: it is revoked, with who and why, by a restrictive change that aborts", async () => {
  const key = await makeKey(api, tenant);
  await report(key.secretKey);
  expect(await statusOf(`/api-keys/${key.resource.id}`)).toBe("revoked");
  expect(await latest()).toMatchObject({
    action: "api-key.revoke",
    actor: { kind: "system", id: "leaked-keys" },
    reason: "The secret was reported as leaked.",
    restrictive: true,
    inflight: "abort",
    operation: expect.stringMatching(/^op_/),
  });
});

test("a key that nobody can guess from its id: the right id with another secret ends nothing", async () => {
  const key = await makeKey(api, tenant);
  const random = (n: number) => new Uint8Array(randomBytes(n));
  await report(remakeSecret(key.resource.id, random));
  expect(await statusOf(`/api-keys/${key.resource.id}`)).toBe("active");
});

test("a secret that only a grace keeps alive: the grace ends, the key goes on", async () => {
  const key = await makeKey(api, tenant);
  const { id } = key.resource;
  await post(`/api-keys/${id}/rotate`, { graceSeconds: 600 });
  await report(key.secretKey);
  const read = await api.call("GET", `/api/v1/api-keys/${id}`, { token: tenant.token });
  expect(read.resource.attributes).toMatchObject({ status: "active", graceEndsAt: null });
  expect(await latest()).toMatchObject({ action: "api-key.end-rotation", restrictive: true });
  await report(key.secretKey);
  expect(await statusOf(`/api-keys/${id}`)).toBe("active");
});

test("an agent's secret, a token, and a personal access token", async () => {
  const agent = await post(`/projects/${tenant.projectId}/agents`, resource("agent", { name: "a" }));
  await report(agent.secretKey);
  expect(await statusOf(`/agents/${agent.resource.id}`)).toBe("revoked");

  const key = await makeKey(api, tenant);
  const token = await post(`/api-keys/${key.resource.id}/ephemeral-tokens`);
  await report(token.secretKey);
  expect(await latest()).toMatchObject({
    action: "ephemeral-token.revoke",
    actor: { id: "leaked-keys" },
    changes: [{ kind: "deny_jti", id: token.resource.id }],
  });
  expect(await statusOf(`/api-keys/${key.resource.id}`)).toBe("active");

  const pat = await post("/personal-access-tokens", resource("personal-access-token", { name: "ci" }));
  await report(pat.secretKey);
  expect((await api.call("GET", "/api/v1/api-keys", { token: pat.secretKey })).status).toBe(401);
});

test("one address may report much and not everything", async () => {
  const answers: number[] = [];
  await api.ports.db.execute(sql`delete from sign_in_failure`);
  const send = async () => {
    const answer = await api.call("POST", "/api/v1/leaked-keys", { body: { secret: "x" } });
    answers.push(answer.status);
    return answer;
  };
  for (let i = 0; i < 4; i++) await Promise.all(Array.from({ length: 15 }, send));
  expect(answers).toEqual(Array(60).fill(202));
  const rows = () => api.ports.db.$count(signInFailure);
  const before = await rows();
  const refused = await send();
  expect(await rows()).toBe(before);
  expect([refused.refusal, refused.headers.get("retry-after")]).toEqual(["429 rate_limit_exceeded", "60"]);
});

test("a stranger's report of an agent's secret is looked up, and has no table read", async () => {
  const plan = await api.ports.db.transaction(async (tx) => {
    await tx.execute(sql`set local enable_seqscan = off`);
    return tx.execute(sql`explain select 1 from api_key where ${holdsAgentSecret("x".repeat(43))}`);
  });
  expect(JSON.stringify(plan)).toContain("Bitmap Index Scan on api_key_agent_hashes");
});

test.each([[{}], [{ secret: 5 }], [{ secret: "a", more: 1 }]])("%j is no report", async (body) => {
  await api.ports.db.execute(sql`delete from sign_in_failure`);
  expect((await api.call("POST", "/api/v1/leaked-keys", { body })).status).toBe(400);
});

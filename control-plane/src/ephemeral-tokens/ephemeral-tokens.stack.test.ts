import { createVerify } from "@claviger/shared/wire/sign";
import { TokenPayload } from "@claviger/shared/wire/token";
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

const post = (path: string, body?: unknown, token = tenant.token, headers = {}): Promise<Heard> =>
  api.call("POST", `/api/v1${path}`, { token, headers, ...(body === undefined ? {} : { body }) });
const tokenOf = (keyId: string, body?: object) => post(`/api-keys/${keyId}/ephemeral-tokens`, body);
const secondsOf = ({ iat, exp }: TokenPayload) => exp - iat;

/** What the token says, read with the pinned keys as a gateway would. */
async function claimsOf(token: string): Promise<TokenPayload> {
  const verify = await createVerify(api.ports.fleet.verificationKeys);
  expect(token.slice(0, 5)).toBe("clve_");
  const payload = await verify("clv-token+jws", token.slice(5));
  return TokenPayload.parse(JSON.parse(new TextDecoder().decode(payload)));
}

async function recordsOf(kind: string): Promise<Record<string, unknown>[]> {
  const rows = await api.ports.db.execute<{ record: Record<string, unknown> }>(sql`
    select record from org_record where org_id = ${tenant.organizationId} and kind = ${kind} order by id`);
  return rows.map(({ record }) => record);
}

async function head(): Promise<[number, number]> {
  const [row] = await api.ports.db.execute<{ epoch: number; rev: string }>(
    sql`select epoch, rev from org_head where org_id = ${tenant.organizationId}`,
  );
  return [row!.epoch, Number(row!.rev)];
}

describe("a token of a key", () => {
  test("names its parent, generation and present revision, narrows as asked, and changes nothing for gateways", async () => {
    const { id } = (await makeKey(api, tenant)).resource;
    await post(`/api-keys/${id}/rotate`);
    const before = await head();
    const narrow = {
      allowedModels: ["gpt*"],
      allowedProviders: ["openai"],
      ipAllowlist: ["10.0.0.7"],
      requestsPerMinute: 5,
      tokensPerMinute: 100,
      mcp: { enabled: true, mode: "allow-list", servers: ["files"] },
    };
    const made = await tokenOf(id, narrow);
    expect([made.status, made.resource.type, made.resource.attributes.keyId]).toEqual([
      201,
      "ephemeral-token",
      id,
    ]);
    expect(made.resource.attributes.revoked).toBe(false);
    const claims = await claimsOf(made.secretKey);
    expect(claims).toMatchObject({
      iss: "claviger",
      aud: tenant.organizationId,
      sub: id,
      pg: 2,
      jti: made.resource.id,
      mr: before,
      lim: {
        models: ["gpt*"],
        providers: ["openai"],
        ip: ["10.0.0.7/32"],
        rpm: 5,
        tpm: 100,
        mcp: { enabled: true, mode: "allow-list", servers: ["files"] },
      },
    });
    expect(secondsOf(claims)).toBe(3600);
    expect(made.resource.attributes.expiresAt).toBe(new Date(claims.exp * 1000).toISOString());
    expect(await head()).toEqual(before);
    expect(made.meta.operation).toBeNull();
  });

  test("lives as long as asked, and never longer than its key", async () => {
    const { id } = (await makeKey(api, tenant)).resource;
    expect(secondsOf(await claimsOf((await tokenOf(id, { ttlSeconds: 30 })).secretKey))).toBe(30);
    expect(secondsOf(await claimsOf((await tokenOf(id, { ttlSeconds: 86_400 })).secretKey))).toBe(86_400);
    const expiresAt = new Date(Date.now() + 600_000).toISOString();
    const short = (await makeKey(api, tenant, { name: "short", expiresAt })).resource.id;
    const cut = await claimsOf((await tokenOf(short)).secretKey);
    expect(cut.exp).toBe(Math.floor(Date.parse(expiresAt) / 1000));
    expect((await tokenOf(short, { ttlSeconds: 601 })).refusal).toBe("400 invalid_value /ttlSeconds");
  });

  test.each<[object, string]>([
    [{ ttlSeconds: 29 }, "400 invalid_value /ttlSeconds"],
    [{ ttlSeconds: 86_401 }, "400 invalid_value /ttlSeconds"],
    [{ ttlSeconds: 60.5 }, "400 invalid_value /ttlSeconds"],
    [{ allowedModels: [] }, "400 invalid_value /allowedModels"],
    [{ ipAllowlist: ["10.0.0.1/8"] }, "400 invalid_value /ipAllowlist"],
    [{ budgetUsd: "1" }, "400 unknown_parameter /budgetUsd"],
    [{ allowedModels: Array.from({ length: 400 }, (_, i) => `some-model-${i}`) }, "409 state_conflict"],
  ])("%j is refused", async (body, expected) => {
    const { id } = (await makeKey(api, tenant)).resource;
    expect((await tokenOf(id, body)).refusal).toBe(expected);
  });

  test("a key that works nowhere has none; neither has one of somebody else", async () => {
    const { id } = (await makeKey(api, tenant)).resource;
    expect((await post(`/api-keys/${id}/ephemeral-tokens`, {}, other.token)).refusal).toBe("404 not_found");
    const member = await makeMember(api, tenant, "member");
    expect((await post(`/api-keys/${id}/ephemeral-tokens`, {}, member.token)).refusal).toBe(
      "403 insufficient_role",
    );
    await post(`/api-keys/${id}/deactivate`);
    expect((await tokenOf(id)).refusal).toBe("409 state_conflict");
  });

  test("a replay says that there was a token, and does not say which", async () => {
    const { id } = (await makeKey(api, tenant)).resource;
    const headers = { "idempotency-key": "once" };
    const path = `/api-keys/${id}/ephemeral-tokens`;
    const first = await post(path, {}, tenant.token, headers);
    const again = await post(path, {}, tenant.token, headers);
    expect([again.status, again.resource.id]).toEqual([201, first.resource.id]);
    expect(again.meta).toMatchObject({ secretShown: true });
    expect(again.text).not.toContain("clve_");
    const [stored] = await api.ports.db.execute<{ body: object }>(
      sql`select body from idempotency where idem_key = 'once' and scope = ${tenant.organizationId}`,
    );
    expect(JSON.stringify(stored)).not.toContain("clve_");
  });
});

describe("a token instead of a key", () => {
  test("has a parent that nobody sees, without a secret, which ends with it", async () => {
    const made = await post(`/projects/${tenant.projectId}/ephemeral-tokens`, {
      ttlSeconds: 60,
      allowedModels: ["echo"],
    });
    expect([made.status, made.resource.attributes.keyId, made.operation.status]).toEqual([
      201,
      null,
      "confirmed",
    ]);
    const claims = await claimsOf(made.secretKey);
    expect(secondsOf(claims)).toBe(60);
    expect(`${claims.mr[0]}.${claims.mr[1]}`).toBe(made.operation.revision);
    const parent = (await recordsOf("agent")).find(({ id }) => id === claims.sub);
    expect(parent).toMatchObject({ kind: "hidden", hashes: [], status: "active", allowedModels: ["echo"] });
    expect(Number(parent?.expiresAtMs)).toBeGreaterThanOrEqual(claims.exp * 1000);
    expect((await api.call("GET", `/api/v1/api-keys/${claims.sub}`, { token: tenant.token })).status).toBe(
      404,
    );
    expect((await post(`/api-keys/${claims.sub}/ephemeral-tokens`)).status).toBe(404);
    expect((await post(`/projects/${other.projectId}/ephemeral-tokens`)).status).toBe(404);
  });
});

describe("one token killed", () => {
  test("by a restrictive change that names it alone; twice is once; it is taken back when it is long over", async () => {
    const { id } = (await makeKey(api, tenant)).resource;
    const made = await tokenOf(id);
    const kill = () => post(`/ephemeral-tokens/${made.resource.id}/revoke`, { reason: "lost" });
    const first = await kill();
    expect([first.status, first.resource.attributes.revoked]).toEqual([200, true]);
    expect((await kill()).operation.id).toBe(first.operation.id);
    const [row] = await api.ports.db.execute<{ restrictive: boolean; keys: string[] }>(sql`
      select c.restrictive, o.keys from barrier_op o join org_change c using (org_id, epoch, rev)
      where o.id = ${first.operation.id}`);
    expect(row).toEqual({ restrictive: true, keys: [id] });
    expect(await recordsOf("deny_jti")).toEqual([
      expect.objectContaining({ id: made.resource.id, keyId: id }),
    ]);
    await api.ports.db.execute(sql`
      update org_record set record = jsonb_set(record, '{expiresAtMs}', '1') where kind = 'deny_jti'`);
    const next = await tokenOf(id);
    await post(`/ephemeral-tokens/${next.resource.id}/revoke`);
    expect((await recordsOf("deny_jti")).map((record) => record.id)).toEqual([next.resource.id]);
  });

  test("by its owner or an admin of its organization", async () => {
    const { id } = (await makeKey(api, tenant)).resource;
    const path = `/ephemeral-tokens/${(await tokenOf(id)).resource.id}/revoke`;
    expect((await post(path, undefined, other.token)).refusal).toBe("404 not_found");
    const member = await makeMember(api, tenant, "member");
    expect((await post(path, undefined, member.token)).refusal).toBe("403 insufficient_role");
    expect((await post("/ephemeral-tokens/tok_000000000000/revoke")).refusal).toBe("404 not_found");
  });
});

test("what a key may is asked for in the same words as what a token may", async () => {
  const narrow = { allowedModels: ["gpt*"], requestsPerMinute: 1, mcp: { enabled: false } };
  expect((await makeKey(api, tenant, { name: "n", ...narrow })).status).toBe(201);
  expect((await post("/api-keys", resource("api-key", {}))).status).toBe(405);
});

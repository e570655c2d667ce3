import { createVerify } from "@claviger/shared/wire/sign";
import { TokenPayload } from "@claviger/shared/wire/token";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Heard,
  makeTenant,
  resource,
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

const call = (method: string, path: string, body?: unknown): Promise<Heard> =>
  api.call(method, `/api/v1${path}`, { token: tenant.token, ...(body === undefined ? {} : { body }) });
const post = (path: string, body?: unknown) => call("POST", path, body);

interface Agent {
  readonly id: string;
  readonly secret: string;
}

async function makeAgent(attributes: object = {}): Promise<Agent> {
  const made = await post(
    `/projects/${tenant.projectId}/agents`,
    resource("agent", { name: "crawler", ...attributes }),
  );
  expect([made.status, made.resource.type]).toEqual([201, "agent"]);
  return { id: made.resource.id, secret: made.secretKey };
}

type Form = Record<string, string> | string[][];

/** Asks for a token as a client that knows RFC 6749 and nothing of us. */
function ask(form: Form, headers: Record<string, string> = {}): Promise<Heard> {
  return api.call("POST", "/oauth/token", {
    raw: new URLSearchParams(form).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
  });
}

const basicOf = ({ id, secret }: Agent) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`,
});
const grant = (agent: Agent, more: Record<string, string> = {}) =>
  ask({ grant_type: "client_credentials", client_id: agent.id, client_secret: agent.secret, ...more });
const codeOf = (heard: Heard) => `${heard.status} ${String(heard.document.error ?? "")}`.trim();

async function claimsOf(heard: Heard): Promise<TokenPayload> {
  expect(heard.status, heard.text).toBe(200);
  const verify = await createVerify(api.ports.fleet.verificationKeys);
  const payload = await verify("clv-token+jws", String(heard.document.access_token).slice(5));
  return TokenPayload.parse(JSON.parse(new TextDecoder().decode(payload)));
}

async function recordOf(id: string): Promise<Record<string, unknown>> {
  const rows = await api.ports.db.execute<{ record: Record<string, unknown> }>(
    sql`select record from org_record where kind = 'agent' and id = ${id}`,
  );
  return rows[0]!.record;
}

describe("the noun", () => {
  test("an agent has the shape and verbs of a key, its secret once, and none of it goes to gateways", async () => {
    const agent = await makeAgent({ allowedModels: ["gpt*"] });
    expect([agent.id.slice(0, 4), agent.secret.slice(0, 5)]).toEqual(["agt_", "clvs_"]);
    const read = await call("GET", `/agents/${agent.id}`);
    expect(read.resource.attributes).toMatchObject({
      status: "active",
      generation: 1,
      allowedModels: ["gpt*"],
    });
    expect(read.text).not.toContain(agent.secret);
    expect(await recordOf(agent.id)).toMatchObject({ kind: "agent", hashes: [], allowedModels: ["gpt*"] });
    const edited = await call("PATCH", `/agents/${agent.id}`, resource("agent", { name: "spider" }));
    expect(edited.resource.attributes.name).toBe("spider");
    expect((await call("GET", "/agents")).resources.map(({ id }) => id)).toContain(agent.id);
    const keys = await call("GET", "/api-keys");
    expect(keys.resources.map(({ id }) => id)).not.toContain(agent.id);
    expect((await call("GET", `/api-keys/${agent.id}`)).status).toBe(404);
    expect((await post(`/api-keys/${agent.id}/revoke`)).status).toBe(404);
    const actions = await api.ports.db.execute<{ jws: string }>(
      sql`select jws from org_change where org_id = ${tenant.organizationId} order by rev desc limit 2`,
    );
    const read2 = actions.map(({ jws }) => Buffer.from(jws.split(".")[1] ?? "", "base64url").toString());
    expect(read2.map((text) => (JSON.parse(text) as { action: string }).action)).toEqual([
      "agent.edit",
      "agent.create",
    ]);
    for (const text of read2) expect(text).not.toContain("clvs_");
  });

  test.each([
    ["deactivate", "inactive", "activate"],
    ["revoke", "revoked", "activate"],
  ])("%s: no token until it is activated again", async (verb, status, back) => {
    const agent = await makeAgent();
    const stopped = await post(`/agents/${agent.id}/${verb}`);
    expect([stopped.status, stopped.resource.attributes.status]).toEqual([200, status]);
    expect(codeOf(await grant(agent))).toBe("401 invalid_client");
    await post(`/agents/${agent.id}/${back}`);
    expect((await grant(agent)).status).toBe(200);
  });

  test("rotate: the old secret ends at once, or mints tokens of its own generation until the grace ends", async () => {
    const agent = await makeAgent();
    const second = { id: agent.id, secret: (await post(`/agents/${agent.id}/rotate`)).secretKey };
    expect(codeOf(await grant(agent))).toBe("401 invalid_client");
    const rotated = await post(`/agents/${agent.id}/rotate`, { graceSeconds: 600 });
    const third = { id: agent.id, secret: rotated.secretKey };
    const generations = [(await claimsOf(await grant(second))).pg, (await claimsOf(await grant(third))).pg];
    expect(generations).toEqual([2, 3]);
    const hashes = (await recordOf(agent.id)).hashes as { generation: number; notAfterMs: number }[];
    expect(hashes.map(({ generation }) => generation)).toEqual([1, 2]);
    expect(hashes[1]?.notAfterMs).toBeGreaterThan(Date.now());
    const [row] = await api.ports.db.execute<{ hashes: { hash: string }[] }>(
      sql`select hashes from api_key where id = ${agent.id}`,
    );
    const real = JSON.stringify(row?.hashes.map(({ hash }) => hash));
    for (const { hash } of hashes as unknown as { hash: string }[]) expect(real).not.toContain(hash);
    await post(`/agents/${agent.id}/rotation/end`);
    expect(codeOf(await grant(second))).toBe("401 invalid_client");
    expect((await grant(third)).status).toBe(200);
  });

  test("a token of it can be made by whoever may make those of a key", async () => {
    const agent = await makeAgent();
    const made = await post(`/agents/${agent.id}/ephemeral-tokens`, { ttlSeconds: 60 });
    expect([made.status, made.resource.attributes.keyId]).toEqual([201, agent.id]);
    expect((await post(`/api-keys/${agent.id}/ephemeral-tokens`)).status).toBe(404);
  });

  test("delete: neither agent nor token", async () => {
    const agent = await makeAgent();
    expect((await call("DELETE", `/agents/${agent.id}`)).status).toBe(200);
    expect(codeOf(await grant(agent))).toBe("401 invalid_client");
    expect((await call("GET", `/agents/${agent.id}`)).status).toBe(404);
    expect((await recordOf(agent.id)).status).toBe("deleted");
  });
});

describe("POST /oauth/token", () => {
  test("credentials by Basic and in the form get the same: a token of the agent's rights, for an hour at most", async () => {
    const agent = await makeAgent();
    const byForm = await grant(agent);
    const byBasic = await ask({ grant_type: "client_credentials" }, basicOf(agent));
    for (const answer of [byForm, byBasic]) {
      expect(answer.document).toEqual({
        access_token: expect.stringMatching(/^clve_/),
        token_type: "Bearer",
        expires_in: 3600,
      });
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("pragma")).toBe("no-cache");
      const claims = await claimsOf(answer);
      expect(claims).toMatchObject({ aud: tenant.organizationId, sub: agent.id, pg: 1 });
      expect(claims.lim).toEqual({
        models: null,
        providers: null,
        ip: null,
        rpm: null,
        tpm: null,
        mcp: null,
      });
    }
  });

  test("expires with its agent", async () => {
    const agent = await makeAgent({ expiresAt: new Date(Date.now() + 120_000).toISOString() });
    const seconds = Number((await grant(agent)).document.expires_in);
    expect(seconds).toBeGreaterThan(60);
    expect(seconds).toBeLessThanOrEqual(120);
  });

  test("scopes become limits, and what is not named is not given", async () => {
    const mcp = { enabled: true, mode: "allow-all" };
    const agent = await makeAgent({ mcp, allowedModels: ["gpt*"], allowedProviders: ["openai"] });
    const limitsOf = async (scope: string) => {
      const answer = await grant(agent, { scope });
      const { models, providers, mcp } = (await claimsOf(answer)).lim;
      expect(answer.document.scope).toBe(scope);
      return { models, providers, mcp };
    };
    expect(await limitsOf("model:gpt-4 model:gpt-5*")).toEqual({
      models: ["gpt-4", "gpt-5*"],
      providers: null,
      mcp: { enabled: false },
    });
    expect(await limitsOf("provider:openai")).toEqual({
      models: null,
      providers: ["openai"],
      mcp: { enabled: false },
    });
    expect(await limitsOf("mcp:files/read mcp:files/list mcp:mail")).toEqual({
      models: [],
      providers: null,
      mcp: {
        enabled: true,
        mode: "allow-list",
        servers: ["files", "mail"],
        tools: { files: ["read", "list"] },
      },
    });
  });

  test.each([
    "admin",
    "model:",
    "model:gpt-4  model:gpt-5",
    "model:claude",
    "model:*",
    "provider:anthropic",
    "mcp:files/read",
    "mcp:/read",
    "mcp:files/",
    'model:"gpt"',
  ])("a scope %j that is malformed or more than the agent may: 400 invalid_scope", async (scope) => {
    const agent = await makeAgent({ allowedModels: ["gpt*"], allowedProviders: ["openai"] });
    expect(codeOf(await grant(agent, { scope }))).toBe("400 invalid_scope");
  });

  test("who is not known, or not shown to be, gets one answer", async () => {
    const agent = await makeAgent();
    const stranger = await makeAgent();
    const refused = [
      await grant({ ...agent, secret: stranger.secret }),
      await grant({ ...agent, id: "agt_000000000000" }),
      await grant({ ...agent, id: "agt_00000000000\0" }),
      await grant({ ...agent, secret: `${agent.secret}\0` }),
      await grant({ ...agent, secret: "nonsense" }),
      await ask({ grant_type: "client_credentials" }, { authorization: "Basic !!" }),
      await ask({ grant_type: "client_credentials" }, { authorization: "Bearer x" }),
      await ask({ grant_type: "client_credentials", client_id: agent.id }),
      await ask({ grant_type: "client_credentials" }),
    ];
    for (const answer of refused) {
      expect(codeOf(answer)).toBe("401 invalid_client");
      expect(answer.text).toBe(refused[0]?.text);
      expect(answer.headers.get("www-authenticate")).toMatch(/^Basic /);
      expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    }
  });

  test("what is no token request", async () => {
    const agent = await makeAgent();
    const both = { grant_type: "client_credentials", client_id: agent.id, client_secret: agent.secret };
    expect(codeOf(await ask(both, basicOf(agent)))).toBe("400 invalid_request");
    expect(codeOf(await ask({ ...both, grant_type: "password" }))).toBe("400 unsupported_grant_type");
    expect(codeOf(await ask({ client_id: agent.id, client_secret: agent.secret }))).toBe(
      "400 invalid_request",
    );
    expect(codeOf(await ask([...Object.entries(both), ["scope", "a"], ["scope", "b"]]))).toBe(
      "400 invalid_request",
    );
    expect(codeOf(await ask(both, { "content-type": "application/json" }))).toBe("400 invalid_request");
  });

  test("an agent whose project is disabled gets no token", async () => {
    const agent = await makeAgent();
    const path = `/projects/${tenant.projectId}`;
    await call("PATCH", path, resource("project", { enabled: false }));
    expect(codeOf(await grant(agent))).toBe("401 invalid_client");
    await call("PATCH", path, resource("project", { enabled: true }));
    expect((await grant(agent)).status).toBe(200);
  });
});

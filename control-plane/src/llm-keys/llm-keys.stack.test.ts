import type { ProviderRecord, SecretRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Heard,
  makeMember,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";

const CANARY = "sk-canary-0123456789-never-to-be-seen";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

const call = (method: string, path: string, body?: object, token = tenant.token): Promise<Heard> =>
  api.call(method, `/api/v1${path}`, { token, ...(body === undefined ? {} : { body }) });
const llm = (attributes: object) => resource("llm-api-key", attributes);
const collection = () => `/projects/${tenant.projectId}/llm-api-keys`;

async function recordOf<T>(kind: "provider" | "secret", id: string): Promise<T | undefined> {
  const rows = await api.ports.db.execute<{ record: T }>(
    sql`select record from org_record where kind = ${kind} and id = ${id}`,
  );
  return rows[0]?.record as T | undefined;
}

test("a credential goes in and is seen nowhere again; gateways get it sealed, with the provider's models", async () => {
  const attributes = { provider: "openai", secretKey: CANARY, customModels: ["ft:mine", "gpt-4o"] };
  const made = await call("POST", collection(), llm(attributes));
  const { id } = made.resource;
  expect(made.status).toBe(201);
  expect(made.resource.attributes).toMatchObject({
    provider: "openai",
    name: "openai",
    preview: "…seen",
    baseUrl: "https://api.openai.com",
    withDefaultModels: true,
    customModels: ["ft:mine", "gpt-4o"],
    secretVersion: 1,
  });
  const record = await recordOf<ProviderRecord>("provider", id);
  expect(record?.models.filter((name) => name === "gpt-4o" || name === "ft:mine").sort()).toEqual([
    "ft:mine",
    "gpt-4o",
  ]);
  expect(record?.models).toContain("gpt-4o-mini");
  expect(await recordOf<SecretRecord>("secret", id)).toMatchObject({
    id,
    version: 1,
    host: "api.openai.com",
  });
  for (const path of [collection(), `${collection()}/${id}`, "/llm-api-keys", `/llm-api-keys/${id}`]) {
    const heard = await call("GET", path);
    expect([heard.status, heard.text.includes(CANARY)]).toEqual([200, false]);
  }
  const tables = await api.ports.db.execute<{ name: string }>(
    sql`select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  for (const { name } of tables) {
    const [row] = await api.ports.db.execute<{ text: string | null }>(
      sql`select string_agg(t::text, '') as text from ${sql.identifier(name)} t`,
    );
    expect(`${name} ${row?.text?.includes(CANARY)}`).not.toBe(`${name} true`);
  }
});

test("rotating makes the next version; another host needs the credential again", async () => {
  const made = await call(
    "POST",
    collection(),
    llm({ provider: "anthropic", secretKey: "sk-one", name: "claude" }),
  );
  const { id } = made.resource;
  const rotated = await call("POST", `${collection()}/${id}/rotate`, { secretKey: "sk-two-is-much-longer" });
  expect(rotated.resource.attributes).toMatchObject({ secretVersion: 2, preview: "…nger" });
  expect(await recordOf<ProviderRecord>("provider", id)).toMatchObject({ secretVersion: 2 });
  expect(await recordOf<SecretRecord>("secret", id)).toMatchObject({ version: 2, host: "api.anthropic.com" });
  const resourceForm = await call("POST", `/llm-api-keys/${id}/rotate`, llm({ secretKey: "sk-three" }));
  expect(resourceForm.resource.attributes.secretVersion).toBe(3);
  const moved = await call(
    "PATCH",
    `/llm-api-keys/${id}`,
    llm({ baseUrl: "https://proxy.example.com/anthropic/" }),
  );
  expect(moved.refusal).toBe("400 missing_required_parameter /data/attributes/secretKey");
  const both = { baseUrl: "https://proxy.example.com/anthropic/", secretKey: "sk-four" };
  expect((await call("PATCH", `/llm-api-keys/${id}`, llm(both))).resource.attributes.baseUrl).toBe(
    "https://proxy.example.com/anthropic",
  );
  expect(await recordOf<SecretRecord>("secret", id)).toMatchObject({ version: 4, host: "proxy.example.com" });
  const path = await call(
    "PATCH",
    `/llm-api-keys/${id}`,
    llm({ baseUrl: "https://proxy.example.com/other" }),
  );
  expect(path.status).toBe(200);
});

test("what the operator allows needs no https: the sandbox is found by itself, and needs no account", async () => {
  const made = await call("POST", collection(), llm({ provider: "sandbox", withDefaultModels: false }));
  expect(made.resource.attributes).toMatchObject({ baseUrl: "http://127.0.0.1:19109", models: [] });
  const renamed = await call(
    "PATCH",
    `/llm-api-keys/${made.resource.id}`,
    llm({ name: "box", withDefaultModels: true }),
  );
  expect(renamed.resource.attributes).toMatchObject({ name: "box", models: ["echo", "story", "embed"] });
});

test("delete takes provider and credential from gateways, and the name is free again", async () => {
  const made = await call("POST", collection(), llm({ provider: "groq", secretKey: "gsk-1" }));
  const { id } = made.resource;
  const deleted = await call("DELETE", `${collection()}/${id}`);
  expect([deleted.status, deleted.operation.status]).toEqual([200, "confirmed"]);
  expect(await recordOf("provider", id)).toBeUndefined();
  expect(await recordOf("secret", id)).toBeUndefined();
  expect((await call("GET", `/llm-api-keys/${id}`)).refusal).toBe("404 not_found");
  expect((await call("POST", collection(), llm({ provider: "groq", secretKey: "gsk-1" }))).status).toBe(201);
});

test("only admins hold credentials; a foreign organization or project finds nothing", async () => {
  const made = await call("POST", collection(), llm({ provider: "xai", secretKey: "xai-1" }));
  const { id } = made.resource;
  const member = await makeMember(api, tenant, "member");
  expect(
    (await call("POST", collection(), llm({ provider: "mistral", secretKey: "m" }), member.token)).refusal,
  ).toBe("403 insufficient_role");
  expect((await call("DELETE", `/llm-api-keys/${id}`, undefined, member.token)).refusal).toBe(
    "403 insufficient_role",
  );
  const other = await makeTenant(api);
  expect((await call("GET", `/llm-api-keys/${id}`, undefined, other.token)).refusal).toBe("404 not_found");
  expect((await call("DELETE", `/llm-api-keys/${id}`, undefined, other.token)).refusal).toBe("404 not_found");
  expect((await call("POST", collection(), llm({ provider: "sandbox" }), other.token)).refusal).toBe(
    "404 not_found",
  );
  const project = await call("POST", "/projects", resource("project", { name: "Other" }));
  expect((await call("GET", `/projects/${project.resource.id}/llm-api-keys/${id}`)).refusal).toBe(
    "404 not_found",
  );
});

test("the catalogue lists models with prices per million tokens, and never a missing price as zero", async () => {
  const sandbox = await call("GET", "/models?filter[provider]=sandbox");
  expect(sandbox.resources.map(({ id }) => id)).toEqual(["sandbox/echo", "sandbox/embed", "sandbox/story"]);
  const found = await call("GET", "/models?filter[provider]=openai&filter[search]=gpt-4o-mini&page[size]=1");
  const all = await call("GET", "/models?filter[provider]=openai&filter[search]=gpt-4o-mini");
  expect(all.resources.find(({ id }) => id === "openai/gpt-4o-mini")?.attributes).toMatchObject({
    name: "gpt-4o-mini",
    inputUsdPerMillion: "0.15",
    outputUsdPerMillion: "0.6",
  });
  expect((await call("GET", found.next!.replace("/api/v1", ""))).resources).toHaveLength(1);
  const providers = (await call("GET", "/providers")).resources.map(({ id }) => id);
  expect(providers).toEqual(
    expect.arrayContaining(["openai", "anthropic", "gemini", "openai-compatible", "sandbox"]),
  );
});

import type { ModelsRecord } from "@claviger/shared/wire/record";
import { Page, type Snapshot } from "@claviger/shared/wire/snapshot";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHead } from "../fleet/deltas.ts";
import { readPage, snapshotFor } from "../fleet/snapshot.ts";
import {
  type Heard,
  makeKey,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";
import { pricesOf } from "./price.ts";
import { pushModels, repriceAll } from "./push.ts";

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
const collection = (of = tenant) => `/projects/${of.projectId}/llm-api-keys`;
const model = (attributes: object) => resource("model", attributes);
const alias = (attributes: object) => resource("model-alias", attributes);

/** What gateways hold of a model. */
async function heldOf(provider: string, name: string, of = tenant) {
  const rows = await api.ports.db.execute<{ record: ModelsRecord }>(
    sql`select record from org_record where kind = 'models' and org_id = ${of.organizationId}`,
  );
  const parts = rows.map(({ record }) => record).filter((record) => record.provider === provider);
  return parts.flatMap(({ models }) => models).find((row) => row.name === name);
}

test("gateways hold prices of the models that an LLM key can serve, from its creation to its end, and no others", async () => {
  expect(await heldOf("openai", "gpt-4o")).toBeUndefined();
  const attributes = {
    provider: "openai",
    secretKey: "sk-1",
    customModels: ["ft:mine", "gpt-4o-2024-11-20"],
  };
  const made = await call("POST", collection(), llm(attributes));
  expect(made.status).toBe(201);
  const held = await heldOf("openai", "gpt-4o");
  expect(held).toMatchObject({
    price: { input: "2500000000", cacheRead: "1250000000", output: "10000000000", perSearch: "10000000" },
    contextWindow: 128_000,
  });
  expect(await heldOf("openai", "gpt-4o-2024-11-20")).toMatchObject({ price: held?.price });
  // Nobody knows what that costs, so nothing is said of it.
  expect(await heldOf("openai", "ft:mine")).toBeUndefined();
  expect(await heldOf("anthropic", "claude-sonnet-4-5")).toBeUndefined();
  const deleted = await call("DELETE", `/llm-api-keys/${made.resource.id}`);
  expect(deleted.status).toBe(200);
  expect(await heldOf("openai", "gpt-4o")).toBeUndefined();
});

test("a snapshot has them too, marked like in a change: who does not know them goes on", async () => {
  const other = await makeTenant(api);
  await call("POST", collection(other), llm({ provider: "deepseek", secretKey: "d" }), other.token);
  const attributes = { name: "deep", targets: ["deepseek/deepseek-chat"] };
  await call("POST", "/model-aliases", alias(attributes), other.token);
  const head = await readHead(api.ports.db, other.organizationId);
  const jws = await snapshotFor(api.ports, other.organizationId, head?.epoch ?? 0, head?.rev ?? 0);
  const { pages } = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString()) as Snapshot;
  const bodies = await Promise.all(pages.map((sha256) => readPage(api.ports, other.organizationId, sha256)));
  const changes = bodies.flatMap((body) => Page.parse(JSON.parse(body ?? "")));
  const added = changes.filter(({ kind }) => kind === "models" || kind === "alias");
  expect(added.length).toBeGreaterThan(1);
  for (const change of added) expect(change).toMatchObject({ op: "put", ifUnknown: "skip" });
});

test("a provider of many hundred models is told in one change, and twice is once", async () => {
  const made = await call("POST", collection(), llm({ provider: "openrouter", secretKey: "sk-or" }));
  expect(made.status).toBe(201);
  await repriceAll(api.ports);
  const rows = await api.ports.db.execute<{ n: string; bytes: string; head: string }>(sql`
    select count(*) as n, sum(length(record::text)) as bytes, (select rev from org_head where org_id = ${tenant.organizationId}) as head
    from org_record where kind = 'models' and org_id = ${tenant.organizationId}`);
  expect(Number(rows[0]?.n)).toBeLessThanOrEqual(32);
  expect(Number(rows[0]?.bytes)).toBeLessThan(400_000);
  await repriceAll(api.ports);
  const [head] = await api.ports.db.execute<{ rev: string }>(
    sql`select rev from org_head where org_id = ${tenant.organizationId}`,
  );
  expect(head?.rev).toBe(rows[0]?.head);
  await call("DELETE", `/llm-api-keys/${made.resource.id}`);
});

test("an organization from before prices gets them, in as many changes as it takes", async () => {
  const other = await makeTenant(api);
  for (const provider of ["openrouter", "openai", "together"]) {
    await call("POST", collection(other), llm({ provider, secretKey: "k" }), other.token);
  }
  const before = await heldOf("openrouter", "openai/gpt-4o", other);
  const ofOther = sql`org_id = ${other.organizationId} and kind = 'models'`;
  await api.ports.db.execute(sql`delete from org_record where ${ofOther}`);
  expect(await pushModels(api.ports, other.organizationId)).toBeGreaterThan(1);
  expect(await heldOf("openrouter", "openai/gpt-4o", other)).toEqual(before);
  expect(before?.price).not.toBeNull();
  expect(await pushModels(api.ports, other.organizationId)).toBe(0);
});

test("an override is a new price with a new number, what was pinned keeps its own, and the way back is one call", async () => {
  await call("POST", collection(), llm({ provider: "mistral", secretKey: "m" }));
  const path = `/models/${encodeURIComponent("mistral/mistral-large-latest")}`;
  const first = await heldOf("mistral", "mistral-large-latest");
  const set = await call("PATCH", path, model({ inputUsdPerMillion: "3.5", outputTokensMax: 8192 }));
  expect([set.status, set.operation.status]).toEqual([200, "confirmed"]);
  expect(set.resource.attributes).toMatchObject({
    source: "override",
    inputUsdPerMillion: "3.5",
    served: true,
  });
  const second = await heldOf("mistral", "mistral-large-latest");
  expect(second?.price?.input).toBe("3500000000");
  expect(second?.price?.output).toBe(first?.price?.output);
  expect(second?.outputTokensMax).toBe(8192);
  expect(second?.priceRev).toBeGreaterThan(first?.priceRev ?? 0);
  const event = (priceRev?: number) =>
    ({
      kind: "settled",
      provider: "mistral",
      model: "mistral-large-latest",
      ...(priceRev && { priceRev }),
    }) as never;
  const events = [event(first?.priceRev), event(second?.priceRev), event()];
  const prices = await pricesOf(api.ports.db, tenant.organizationId, events, Date.now());
  expect(prices(events[0] as never)?.input).toBe(BigInt(first?.price?.input ?? 0));
  expect(prices(events[1] as never)?.input).toBe(3_500_000_000n);
  expect(prices(events[2] as never)?.input).toBe(3_500_000_000n);
  // Another organization has the catalogue's price, and cannot name ours.
  const other = await makeTenant(api);
  const foreign = await pricesOf(api.ports.db, other.organizationId, events, Date.now());
  expect(foreign(events[1] as never)?.input).toBe(BigInt(first?.price?.input ?? 0));
  const back = await call("DELETE", `${path}/override`);
  expect(back.resource.attributes).toMatchObject({ source: "catalogue" });
  expect(await heldOf("mistral", "mistral-large-latest")).toEqual(first);
  expect((await call("DELETE", `${path}/override`)).refusal).toBe("404 not_found");
});

test("null is unpriced and never $0; a custom model gets a price, a tier inherits what it does not name", async () => {
  await call("POST", collection(), llm({ provider: "groq", secretKey: "g", customModels: ["mine/one"] }));
  const path = `/models/${encodeURIComponent("groq/mine/one")}`;
  expect((await call("GET", path)).resource.attributes).toMatchObject({
    ...{ source: "custom", served: true, inputUsdPerMillion: null },
  });
  const tiers = [{ aboveInputTokens: 200_000, inputUsdPerMillion: "2" }];
  const set = { inputUsdPerMillion: "1", outputUsdPerMillion: "4", contextWindow: 400_000, tiers };
  expect((await call("PATCH", path, model(set))).status).toBe(200);
  expect(await heldOf("groq", "mine/one")).toMatchObject({
    price: { tiers: [{ aboveInputTokens: 200_000, rates: { input: "2000000000", output: "4000000000" } }] },
  });
  await call("PATCH", path, model({ inputUsdPerMillion: null }));
  expect(await heldOf("groq", "mine/one")).toMatchObject({ price: null, contextWindow: 400_000 });
  const listed = await call(
    "GET",
    "/models?filter[provider]=groq&filter[source]=override&filter[priced]=false",
  );
  expect(listed.resources.map(({ id }) => id)).toEqual(["groq/mine/one"]);
});

test("a price that is taken away is confirmed by gateways, also where nothing else stands in its record", async () => {
  const attributes = {
    provider: "xai",
    secretKey: "x",
    customModels: ["only-one"],
    withDefaultModels: false,
  };
  const made = await call("POST", collection(), llm(attributes));
  const path = `/models/${encodeURIComponent("xai/only-one")}`;
  await call("PATCH", path, model({ inputUsdPerMillion: "1", outputUsdPerMillion: "4" }));
  expect(await heldOf("xai", "only-one")).toMatchObject({ price: { input: "1000000000" } });
  const back = await call("DELETE", `${path}/override`);
  expect([back.status, back.operation?.status]).toEqual([200, "confirmed"]);
  expect(await heldOf("xai", "only-one")).toBeUndefined();
  // Whoever cannot ask for it loses nothing by it.
  await call("PATCH", path, model({ inputUsdPerMillion: "1", outputUsdPerMillion: "4" }));
  await call("DELETE", `/llm-api-keys/${made.resource.id}`);
  expect((await call("DELETE", `${path}/override`)).operation ?? null).toBeNull();
});

test("what is no price is refused with its place, and only admins set one", async () => {
  const path = `/models/${encodeURIComponent("openai/gpt-4o")}`;
  for (const bad of ["-1", "1e3", "1.0000000001", "1000001", ""]) {
    expect((await call("PATCH", path, model({ inputUsdPerMillion: bad }))).refusal).toBe(
      "400 invalid_value /data/attributes/inputUsdPerMillion",
    );
  }
  const descending = [{ aboveInputTokens: 2 }, { aboveInputTokens: 1 }];
  expect((await call("PATCH", path, model({ tiers: descending }))).refusal).toBe(
    "400 invalid_value /data/attributes/tiers",
  );
  expect((await call("GET", `/models/${encodeURIComponent("nobody/gpt-4o")}`)).refusal).toBe("404 not_found");
  const stale = await api.call("PATCH", `/api/v1${path}`, {
    token: tenant.token,
    body: model({ inputUsdPerMillion: "1" }),
    headers: { "if-match": '"1.9999"' },
  });
  expect(stale.refusal).toBe("409 edit_conflict");
});

test("an alias names models in order, in all projects or in one; what it shadows or lacks is said", async () => {
  const project = await call("POST", "/projects", resource("project", { name: "Aliases" }));
  const projectId = project.resource.id;
  const made = await call(
    "POST",
    "/model-aliases",
    alias({ name: "fast", targets: ["groq/llama", "openai/gpt-4o"] }),
  );
  expect([made.status, made.resource.attributes.unserved]).toEqual([201, ["groq/llama", "openai/gpt-4o"]]);
  await call(
    "POST",
    `/projects/${projectId}/llm-api-keys`,
    llm({ provider: "xai", secretKey: "x", name: "grok" }),
  );
  const own = await call(
    "POST",
    "/model-aliases",
    alias({ name: "fast", projectId, targets: ["grok/grok-3-mini-fast"] }),
  );
  expect([own.status, own.resource.attributes.unserved]).toEqual([201, []]);
  const held = await api.ports.db.execute<{ record: object }>(
    sql`select record from org_record where kind = 'alias' and id = ${own.resource.id}`,
  );
  expect(held[0]?.record).toEqual({
    ...{ id: own.resource.id, projectId, name: "fast", targets: ["grok/grok-3-mini-fast"] },
  });
  expect((await call("GET", `/model-aliases?filter[project]=${tenant.projectId}`)).resources).toHaveLength(1);
  const refusals: [object, string][] = [
    [{ name: "fast", targets: ["openai/gpt-4o"] }, "409 name_conflict /data/attributes/name"],
    [{ name: "a/b", targets: ["openai/gpt-4o"] }, "400 invalid_value /data/attributes/name"],
    [{ name: "x", targets: [] }, "400 invalid_value /data/attributes/targets"],
    [{ name: "x", targets: ["fast"] }, "400 invalid_value /data/attributes/targets"],
    [{ name: "x", targets: ["nobody/gpt"] }, "400 invalid_value /data/attributes/targets"],
    [{ name: "x", targets: ["openai/a", "openai/a"] }, "400 invalid_value /data/attributes/targets"],
    [{ name: "x", projectId: "prj_000000000009", targets: ["openai/a"] }, "404 not_found"],
    // The name of an LLM key of another project.
    [
      { name: "x", projectId: tenant.projectId, targets: ["grok/a"] },
      "400 invalid_value /data/attributes/targets",
    ],
  ];
  for (const [attributes, refusal] of refusals) {
    expect((await call("POST", "/model-aliases", alias(attributes))).refusal).toBe(refusal);
  }
  const edited = await call(
    "PATCH",
    `/model-aliases/${made.resource.id}`,
    alias({ targets: ["openai/gpt-4o"] }),
  );
  expect(edited.resource.attributes.targets).toEqual(["openai/gpt-4o"]);
  await call("DELETE", `/projects/${projectId}`);
  expect((await call("GET", `/model-aliases/${own.resource.id}`)).refusal).toBe("404 not_found");
  expect((await call("DELETE", `/model-aliases/${made.resource.id}`)).status).toBe(200);
});

test("what a deletion breaks is said before and with it: keys that could use what nobody else serves", async () => {
  const other = await makeTenant(api);
  const make = (name: string, attributes: object) =>
    call("POST", collection(other), llm({ provider: "sandbox", name, ...attributes }), other.token);
  const one = await make("one", { customModels: ["special"] });
  await make("two", {});
  await makeKey(api, other);
  await makeKey(api, other, { name: "a", allowedModels: ["special"] });
  await makeKey(api, other, { name: "b", allowedModels: ["echo"] });
  await makeKey(api, other, { name: "c", allowedProviders: ["openai"] });
  const impact = { models: 1, lastOfProvider: false, apiKeys: 2, apiKeysLeftWithoutModels: 1 };
  const before = await call("GET", `/llm-api-keys/${one.resource.id}/impact`, undefined, other.token);
  expect(before.meta).toEqual({ impact });
  const deleted = await call("DELETE", `/llm-api-keys/${one.resource.id}`, undefined, other.token);
  expect(deleted.meta).toMatchObject({ impact });
});

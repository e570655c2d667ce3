/** LLM keys and model names over a whole stack: two gateways, real processes, the sandbox provider. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MadeKey } from "./support/admin.ts";
import { goodBody } from "./support/refused.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

let world: World;
let projectId: string;
let key: MadeKey;
beforeAll(async () => {
  world = await startWorld();
  const made = await world.admin.call("POST", "/projects", {
    data: { type: "project", attributes: { name: "LLM keys" } },
  });
  projectId = (made.json as { data: { id: string } }).data.id;
  key = await world.admin.createKey(projectId);
});
afterAll(() => world?.stack.stop());

const wait = { prefer: "wait=20" };

async function createLlmKey(attributes: object): Promise<string> {
  const answer = await world.admin.call(
    "POST",
    `/projects/${projectId}/llm-api-keys`,
    { data: { type: "llm-api-key", attributes } },
    wait,
  );
  expect(`${answer.status} ${answer.text}`).toMatch(/^201 /);
  return (answer.json as { data: { id: string } }).data.id;
}

async function tried(id: string) {
  const answer = await world.admin.call("POST", `/llm-api-keys/${id}/test`, {});
  expect(`${answer.status} ${answer.text}`).toMatch(/^200 /);
  return (
    answer.json as { meta: { test: { outcome: string; gateways: { name: string; outcome: string }[] } } }
  ).meta.test;
}

const everywhere = (model: string) =>
  Promise.all(world.gateways.map(async ({ url }) => (await useKey(url, key, model)).status));

async function openStream(url: string): Promise<{ text: () => string; ended: Promise<unknown> }> {
  const outgoing = request(`${url}/v1/chat/completions`, {
    method: "POST",
    agent: false,
    headers: {
      authorization: `Bearer ${key.secret}`,
      "content-type": "application/json",
      "x-sandbox": JSON.stringify({ chunks: 200, chunkMs: 300 }),
    },
  });
  outgoing.end(goodBody({ model: "sandbox/story", max_tokens: 400, stream: true }));
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  let text = "";
  response.on("data", (bytes: Buffer) => {
    text += bytes.toString("utf8");
  });
  const ended = new Promise<void>((resolve) => {
    response.once("close", resolve);
    response.once("error", () => resolve());
  });
  await once(response, "data");
  return { text: () => text, ended };
}

test("every gateway says for itself whether the provider lets it in; a new credential is tried and used without a pause", async () => {
  const id = await createLlmKey({ provider: "sandbox", secretKey: "good-one" });
  const names = world.gateways.map(({ name }) => name);
  const first = await tried(id);
  expect(first.outcome).toBe("ok");
  expect(first.gateways).toEqual(
    names.map((name) => expect.objectContaining({ name, outcome: "ok", status: 200, models: 3 })),
  );
  expect(await everywhere("sandbox/echo")).toEqual([200, 200]);
  let over = false;
  const statuses: number[] = [];
  const using = (async () => {
    while (!over) statuses.push(...(await everywhere("sandbox/echo")));
  })();
  await world.admin.change("POST", `/llm-api-keys/${id}/rotate`, { secretKey: "good-two" }, wait);
  over = true;
  await using;
  expect(new Set(statuses)).toEqual(new Set([200]));
  await world.admin.change("POST", `/llm-api-keys/${id}/rotate`, { secretKey: "bad-three" }, wait);
  expect(await tried(id)).toMatchObject({
    outcome: "auth_failed",
    gateways: names.map((name) => ({ name, outcome: "auth_failed", status: 401 })),
  });
  expect(await everywhere("sandbox/echo")).toEqual([502, 502]);
  await world.admin.change("POST", `/llm-api-keys/${id}/rotate`, { secretKey: "good-four" }, wait);
  expect((await tried(id)).outcome).toBe("ok");
  await world.admin.change("DELETE", `/llm-api-keys/${id}`, undefined, wait);
});

test("what the guard of a gateway does not let through is blocked there, and said without an address", async () => {
  const id = await createLlmKey({
    ...{ provider: "openai-compatible", name: "inside", customModels: ["m"] },
    baseUrl: "https://169.254.169.254",
  });
  const outcome = await tried(id);
  expect(outcome.outcome).toBe("blocked");
  for (const { url } of world.gateways) {
    const answer = await useKey(url, key, "inside/m");
    expect(`${answer.status} ${answer.text}`).toMatch(/^502 .*upstream_blocked/);
    expect(answer.text).not.toContain("169.254");
  }
  await world.admin.change("DELETE", `/llm-api-keys/${id}`, undefined, wait);
});

test("deleting a project's last LLM key of a provider ends its streams and stops it on both gateways by one barrier", async () => {
  const one = await createLlmKey({ provider: "sandbox", secretKey: "good-one", name: "one" });
  const two = await createLlmKey({ provider: "sandbox", secretKey: "good-two", name: "two" });
  const kept = await world.admin.call("DELETE", `/llm-api-keys/${one}`, undefined, wait);
  expect(kept.json).toMatchObject({
    meta: { impact: { models: 0, lastOfProvider: false, apiKeys: 0 }, operation: { status: "confirmed" } },
  });
  expect(await everywhere("sandbox/echo")).toEqual([200, 200]);
  const streams = await Promise.all(world.gateways.map(({ url }) => openStream(url)));
  const gone = await world.admin.call("DELETE", `/llm-api-keys/${two}`, undefined, wait);
  expect(gone.status).toBe(200);
  expect(gone.json).toMatchObject({
    meta: {
      impact: { models: 3, lastOfProvider: true, apiKeys: 1, apiKeysLeftWithoutModels: 1 },
      operation: { status: "confirmed", gateways: [{ state: "confirmed" }, { state: "confirmed" }] },
    },
  });
  // The answer is in: from here on nothing is admitted, anywhere.
  expect(await everywhere("sandbox/echo")).toEqual([404, 404]);
  await Promise.all(streams.map(({ ended }) => ended));
  for (const stream of streams) expect(stream.text()).not.toContain("[DONE]");
});

test("an alias is answered by both gateways from its creation to its end", async () => {
  const id = await createLlmKey({ provider: "sandbox", secretKey: "good-one" });
  const attributes = { name: "fast", targets: ["groq/nobody", "sandbox/echo"] };
  const made = await world.admin.call(
    "POST",
    "/model-aliases",
    { data: { type: "model-alias", attributes } },
    wait,
  );
  const alias = made.json as { data: { id: string; attributes: { unserved: string[] } } };
  expect([made.status, alias.data.attributes.unserved]).toEqual([201, ["groq/nobody"]]);
  expect(await everywhere("fast")).toEqual([200, 200]);
  await world.admin.change("DELETE", `/model-aliases/${alias.data.id}`, undefined, wait);
  expect(await everywhere("fast")).toEqual([404, 404]);
  await world.admin.change("DELETE", `/llm-api-keys/${id}`, undefined, wait);
});

test("a price that is set is what the next request costs, on every gateway; unpriced, a key with a budget is refused and what others use has no cost", async () => {
  const id = await createLlmKey({ provider: "sandbox", secretKey: "good-one" });
  const price = (attributes: object) =>
    world.admin.change("PATCH", "/models/sandbox%2Fecho", { data: { type: "model", attributes } }, wait);
  const read = async (keyId: string) => {
    const answer = await world.admin.call("GET", `/api-keys/${keyId}`);
    return (answer.json as { data: { attributes: { spentUsd: string; requests: number } } }).data.attributes;
  };
  /** Asks each gateway once; what that cost in all, once it is counted. */
  const spend = async () => {
    const own = await world.admin.createKey(projectId);
    for (const { url } of world.gateways) expect((await useKey(url, own)).status).toBe(200);
    await expect.poll(async () => (await read(own.id)).requests, { timeout: 30_000 }).toBe(2);
    return Number((await read(own.id)).spentUsd);
  };
  const listed = await spend();
  expect(listed).toBeGreaterThan(0);
  const dearer = { inputUsdPerMillion: "10", outputUsdPerMillion: "20", cacheReadUsdPerMillion: "1" };
  expect((await price(dearer)).operation.status).toBe("confirmed");
  expect(await spend()).toBeCloseTo(10 * listed, 9);
  await price({ inputUsdPerMillion: null });
  const capped = await world.admin.createKey(projectId, { budgetUsd: "5", budgetPeriod: "total" });
  for (const { url } of world.gateways) {
    const answer = await useKey(url, capped);
    expect(`${answer.status} ${answer.text}`).toMatch(/^400 .*"param":"model".*unboundable_cost/);
  }
  expect(await spend()).toBe(0);
  await world.admin.change("DELETE", "/models/sandbox%2Fecho/override", undefined, wait);
  expect(await spend()).toBeCloseTo(listed, 9);
  await world.admin.change("DELETE", `/llm-api-keys/${id}`, undefined, wait);
});

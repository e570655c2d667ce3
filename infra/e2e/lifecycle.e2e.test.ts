import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Change, type MadeKey, namesIn } from "./support/admin.ts";
import { startWorld, useKey, type World } from "./support/world.ts";
import { resource } from "./support/wrong-input.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stack.stop());

/** Long enough that a slow machine asks twice within it. */
const GRACE_S = 6;
const BOTH_SERVE = ["200", "200"];
const both = (code: string) => [code, code];

/** What each gateway answers to a secret, asked at once: `200`, or the code of the refusal. */
async function answers(secret: string, model?: string): Promise<string[]> {
  const uses = world.gateways.map(async ({ url }) => {
    const { status, text } = await useKey(url, { secret }, model);
    return status === 200 ? "200" : (JSON.parse(text) as { error: { code: string } }).error.code;
  });
  return Promise.all(uses);
}

async function act(key: MadeKey, verb: string, body?: unknown): Promise<Change> {
  const change = await world.admin.change("POST", `/api-keys/${key.id}/${verb}`, body);
  expect(namesIn(change.operation, "confirmed")).toEqual(["eu-1", "us-1"]);
  return change;
}

const edit = (key: MadeKey, attributes: Record<string, unknown>) =>
  world.admin.change("PATCH", `/api-keys/${key.id}`, resource("api-key", attributes));

describe("what an answered change means on every gateway, at once", () => {
  test("deactivate and activate: the same secret stops and goes on, in the same generation", async () => {
    const key = await world.admin.createKey(world.projectId);
    await act(key, "deactivate");
    expect(await answers(key.secret)).toEqual(both("key_inactive"));
    const activated = await act(key, "activate");
    expect(activated.attributes).toMatchObject({ status: "active", generation: 1 });
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
  });

  test("activating a revoked key is a new generation with the same secret", async () => {
    const key = await world.admin.createKey(world.projectId);
    await act(key, "revoke");
    expect(await answers(key.secret)).toEqual(both("key_revoked"));
    const activated = await act(key, "activate");
    expect(activated.status).toBe(200);
    expect(activated.attributes).toMatchObject({ status: "active", generation: 2 });
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
    await act(key, "revoke");
    expect(await answers(key.secret)).toEqual(both("key_revoked"));
  });

  test("revoking twice is the same operation; a deleted key is a 404 for everything", async () => {
    const key = await world.admin.createKey(world.projectId);
    const first = await act(key, "revoke");
    const second = await act(key, "revoke");
    expect([second.status, second.operation.id]).toEqual([200, first.operation.id]);
    await world.admin.change("DELETE", `/api-keys/${key.id}`);
    for (const verb of ["revoke", "activate", "rotate"]) {
      expect((await world.admin.call("POST", `/api-keys/${key.id}/${verb}`)).status).toBe(404);
    }
    expect((await world.admin.call("GET", `/api-keys/${key.id}`)).status).toBe(404);
    expect(await answers(key.secret)).toEqual(both("key_revoked"));
  });

  test("rotating with a grace serves both secrets until the grace is ended", async () => {
    const key = await world.admin.createKey(world.projectId);
    const rotated = await act(key, "rotate", { graceSeconds: 3_600 });
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
    expect(await answers(rotated.secret ?? "")).toEqual(BOTH_SERVE);
    await act(key, "rotation/end");
    expect(await answers(key.secret)).toEqual(both("key_rotated"));
    expect(await answers(rotated.secret ?? "")).toEqual(BOTH_SERVE);
  });

  test("a grace ends by itself, without anybody saying so", async () => {
    const key = await world.admin.createKey(world.projectId);
    const rotated = await act(key, "rotate", { graceSeconds: GRACE_S });
    const endsMs = Date.now() + GRACE_S * 1_000;
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
    await new Promise((resolve) => setTimeout(resolve, endsMs + 200 - Date.now()));
    expect(await answers(key.secret)).toEqual(both("key_rotated"));
    expect(await answers(rotated.secret ?? "")).toEqual(BOTH_SERVE);
  });

  test("narrowing and widening the models, the addresses and the gateways", async () => {
    const key = await world.admin.createKey(world.projectId);
    const steps: [Record<string, unknown>, string[]][] = [
      [{ allowedModels: ["sandbox/story"] }, both("model_not_allowed")],
      [{ allowedModels: ["sandbox/*"] }, BOTH_SERVE],
      [{ allowedProviders: ["openai"] }, both("provider_not_allowed")],
      [{ allowedProviders: null }, BOTH_SERVE],
      [{ ipAllowlist: ["192.0.2.0/24"] }, both("ip_not_allowed")],
      [{ ipAllowlist: null }, BOTH_SERVE],
    ];
    for (const [attributes, expected] of steps) {
      const change = await edit(key, attributes);
      expect(namesIn(change.operation, "confirmed")).toEqual(["eu-1", "us-1"]);
      expect(await answers(key.secret)).toEqual(expected);
    }
    const eu = key.operation.gateways.find(({ name }) => name === "eu-1")?.gatewayId;
    await edit(key, { gatewayIds: [eu] });
    expect(await answers(key.secret)).toEqual(["200", "gateway_not_allowed"]);
    await edit(key, { gatewayIds: null });
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
  });

  test("a note changes nothing for callers, and the secret stays", async () => {
    const key = await world.admin.createKey(world.projectId);
    const answer = await world.admin.call(
      "PATCH",
      `/api-keys/${key.id}`,
      resource("api-key", { note: "for the demo" }),
    );
    expect(`${answer.status} ${answer.text}`).toMatch(/^200 .*for the demo/);
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
  });

  test("a project that is disabled refuses its keys, and enabled again it serves exactly those it served", async () => {
    const made = await world.admin.call("POST", "/projects", resource("project", { name: "Switch" }));
    const projectId = (made.json as { data: { id: string } }).data.id;
    const llm = resource("llm-api-key", { provider: "sandbox", secretKey: "s", baseUrl: world.sandboxUrl });
    expect((await world.admin.call("POST", `/projects/${projectId}/llm-api-keys`, llm)).status).toBe(201);
    const key = await world.admin.createKey(projectId);
    const dead = await world.admin.createKey(projectId);
    await act(dead, "revoke");
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
    await world.admin.change("PATCH", `/projects/${projectId}`, resource("project", { enabled: false }));
    expect(await answers(key.secret)).toEqual(both("project_disabled"));
    await world.admin.change("PATCH", `/projects/${projectId}`, resource("project", { enabled: true }));
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
    expect(await answers(dead.secret)).toEqual(both("key_revoked"));
  });

  test("deleting the project's LLM key stops its provider at once, and rotating it does not stop anything", async () => {
    const made = await world.admin.call("POST", "/projects", resource("project", { name: "One provider" }));
    const projectId = (made.json as { data: { id: string } }).data.id;
    const path = `/projects/${projectId}/llm-api-keys`;
    const llm = resource("llm-api-key", { provider: "sandbox", secretKey: "s", baseUrl: world.sandboxUrl });
    const llmKey = ((await world.admin.call("POST", path, llm)).json as { data: { id: string } }).data.id;
    const key = await world.admin.createKey(projectId);
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
    await world.admin.change("POST", `${path}/${llmKey}/rotate`, { secretKey: "another" });
    expect(await answers(key.secret)).toEqual(BOTH_SERVE);
    await world.admin.change("POST", `${path}/${llmKey}/rotate`, { secretKey: "bad-one" });
    expect(await answers(key.secret)).toEqual(both("provider_auth_failed"));
    const deleted = await world.admin.change("DELETE", `${path}/${llmKey}`);
    expect(namesIn(deleted.operation, "confirmed")).toEqual(["eu-1", "us-1"]);
    expect(await answers(key.secret)).toEqual(both("model_not_found"));
  });
});

test("an older revision in If-Match is a conflict that shows the present resource", async () => {
  const key = await world.admin.createKey(world.projectId);
  const read = await world.admin.call("GET", `/api-keys/${key.id}`);
  const revision = (read.json as { meta: { revision: string } }).meta.revision;
  const patch = (name: string) =>
    world.admin.call("PATCH", `/api-keys/${key.id}`, resource("api-key", { name }), {
      "if-match": `"${revision}"`,
    });
  expect((await patch("first")).status).toBe(200);
  const late = await patch("second");
  expect(`${late.status} ${late.text}`).toMatch(/^409 .*edit_conflict/);
  expect(late.text).toContain("first");
});

test("a gateway that was killed and starts while the control plane is down goes on from its own disk", async () => {
  const kept = await world.admin.createKey(world.projectId);
  const dead = await world.admin.createKey(world.projectId);
  await act(dead, "revoke");
  const { stack } = world;
  await stack.child("control-plane").stop();
  await stack.child("nats").stop();
  try {
    const gateway = stack.child("gateway-us-1");
    const ended = gateway.nextExit();
    gateway.kill("SIGKILL");
    await ended;
    await gateway.start();
    expect(await answers(kept.secret)).toEqual(BOTH_SERVE);
    expect(await answers(dead.secret)).toEqual(both("key_revoked"));
  } finally {
    await stack.child("nats").start();
    await stack.child("control-plane").start();
  }
  const later = await world.admin.createKey(world.projectId);
  expect(await answers(later.secret)).toEqual(BOTH_SERVE);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, type Change, namesIn } from "./support/admin.ts";
import { startWorld, useKey, type World } from "./support/world.ts";
import { newKey } from "./support/wrong-input.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stack.stop());

async function statuses(secret: string): Promise<number[]> {
  return Promise.all(world.gateways.map(async ({ url }) => (await useKey(url, { secret })).status));
}

/** Repeats a call while the control plane is away, for a minute at most. */
async function retry<T>(call: () => Promise<T>): Promise<T> {
  const deadlineMs = Date.now() + 60_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

test("many administrators at once: every key made is admitted, every key revoked is refused, on every gateway", async () => {
  const made = await Promise.all(Array.from({ length: 40 }, () => world.admin.createKey(world.projectId)));
  for (const { operation } of made) expect(namesIn(operation, "confirmed")).toEqual(["eu-1", "us-1"]);
  const revoked = made.slice(0, 20);
  const changes = await Promise.all(
    revoked.map(({ id }) => world.admin.change("POST", `/api-keys/${id}/revoke`)),
  );
  expect(new Set(changes.map(({ operation }) => operation.status))).toEqual(new Set(["confirmed"]));
  const seen = await Promise.all(made.map(({ secret }) => statuses(secret)));
  expect(seen.map((each) => each.join())).toEqual(
    made.map((_, index) => (index < 20 ? "401,401" : "200,200")),
  );
});

test("five requests with one Idempotency-Key at once make one key and show its secret once (I20)", async () => {
  const path = `/projects/${world.projectId}/api-keys`;
  const body = newKey({ name: "only one" });
  const answers: Answer[] = await Promise.all(
    Array.from({ length: 5 }, () => world.admin.call("POST", path, body, { "idempotency-key": "race" })),
  );
  for (const { status, text } of answers) {
    if (status === 409) expect(text).toContain("idempotency_in_progress");
    else expect(status).toBe(201);
  }
  expect(
    answers.filter(({ text }) => text.includes("clv_live_")).filter(({ text }) => text.includes("secretKey")),
  ).toHaveLength(1);
  const list = await world.admin.call("GET", "/api-keys?filter[search]=only%20one");
  expect((list.json as { data: unknown[] }).data).toHaveLength(1);
});

test("a control plane killed at any moment of a revoke: the repeated call confirms it, and the key is dead", async () => {
  for (const delayMs of [3, 10, 25]) {
    const key = await retry(() => world.admin.createKey(world.projectId));
    const revoke = () => world.admin.change("POST", `/api-keys/${key.id}/revoke`, {});
    const first = revoke().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const controlPlane = world.stack.child("control-plane");
    const ended = controlPlane.nextExit();
    controlPlane.kill("SIGKILL");
    await ended;
    await first;
    const again: Change = await retry(async () => {
      const change = await revoke();
      if (change.operation.status !== "confirmed") throw new Error(`still ${change.operation.status}`);
      return change;
    });
    expect(namesIn(again.operation, "confirmed")).toEqual(["eu-1", "us-1"]);
    expect(again.attributes).toMatchObject({ status: "revoked" });
    expect(await statuses(key.secret)).toEqual([401, 401]);
  }
});

test("while the control plane is dead the gateways serve, and what they served is in their logs afterwards", async () => {
  const key = await world.admin.createKey(world.projectId);
  await world.stack.child("control-plane").stop();
  const answer = await useKey(world.gateways[0]?.url ?? "", key);
  await world.stack.child("control-plane").start();
  expect(answer.status).toBe(200);
  const logs = await retry(async () => {
    const read = await world.admin.call("GET", `/logs?filter[requestId]=${answer.requestId}`);
    if ((read.json as { data: unknown[] }).data.length === 0) throw new Error("not there yet");
    return read;
  });
  expect(logs.json).toMatchObject({ data: [{ attributes: { keyId: key.id, status: 200 } }] });
});

test("after the bus was killed, changes are confirmed again", async () => {
  const nats = world.stack.child("nats");
  const ended = nats.nextExit();
  nats.kill("SIGKILL");
  await ended;
  const key = await world.admin.createKey(world.projectId);
  await retry(async () => {
    const change = await world.admin.change("POST", `/api-keys/${key.id}/revoke`);
    if (change.operation.status !== "confirmed") throw new Error(`still ${change.operation.status}`);
  });
  expect(await statuses(key.secret)).toEqual([401, 401]);
});

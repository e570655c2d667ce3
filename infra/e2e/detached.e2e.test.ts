import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MadeKey } from "./support/admin.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

/** The bus's word takes milliseconds, HTTPS's at the most a heartbeat; the keys here would last for 15 minutes. */
const PATIENCE = { timeout: 30_000, interval: 50 };

let world: World;
let key: MadeKey;

beforeAll(async () => {
  world = await startWorld({ restart: false });
  key = await world.admin.createKey(world.projectId);
});
afterAll(() => world?.stack.stop());

const urlOf = (name: string) => world.gateways.find((gateway) => gateway.name === name)?.url ?? "";

async function detach(name: string): Promise<void> {
  const { json } = await world.admin.call("GET", "/gateways");
  const all = (json as { data: { id: string; attributes: { name: string } }[] }).data;
  const id = all.find(({ attributes }) => attributes.name === name)?.id;
  const { status } = await world.admin.call("DELETE", `/gateways/${id}`, undefined, { prefer: "wait=0" });
  expect([200, 202]).toContain(status);
}

async function answerOf(name: string): Promise<string> {
  const { status, text } = await useKey(urlOf(name), key);
  return status === 200 ? "200" : `${status} ${JSON.parse(text).error.code}`;
}

const readinessOf = async (name: string) => {
  const answer = await fetch(`${urlOf(name)}/readyz`);
  return [answer.status, ((await answer.json()) as { reason?: string }).reason];
};

async function expectDetached(name: string): Promise<void> {
  await expect.poll(() => answerOf(name), PATIENCE).toBe("503 no_configuration");
  expect(await readinessOf(name)).toEqual([503, "detached"]);
}

/** What is left of its state and of its keys. */
const stateFiles = (name: string) =>
  readdirSync(join(world.stack.home, "gateways", name, "0")).filter((file) => file.startsWith("state"));

test("a detached gateway that the bus reaches stops at once, forgets, and does not come back", async () => {
  expect([await answerOf("eu-1"), await answerOf("us-1")]).toEqual(["200", "200"]);
  await detach("eu-1");
  await expectDetached("eu-1");
  expect(await answerOf("us-1")).toBe("200");
  const child = world.stack.child("gateway-eu-1");
  expect(readFileSync(child.logFile, "utf8")).toContain('"alarm":"detached"');
  await expect.poll(() => stateFiles("eu-1"), PATIENCE).toEqual([]);
  await child.stop();
  await child.start();
  await expectDetached("eu-1");
});

test("without the bus the control plane's own port says so", async () => {
  const nats = world.stack.child("nats");
  await nats.stop();
  expect(await answerOf("us-1")).toBe("200");
  await detach("us-1");
  await expectDetached("us-1");
});

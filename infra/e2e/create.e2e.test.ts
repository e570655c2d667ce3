import { afterAll, beforeAll, expect, test } from "vitest";
import { tryCreation } from "./proofs/creation.ts";
import { figuresOf, printFigures } from "./proofs/figures.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

const KEYS = 100;

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stack.stop());

test(`${KEYS} keys, made one after another, are each admitted at once on every gateway`, async () => {
  const waits: number[] = [];
  for (let made = 0; made < KEYS; made += 1) waits.push((await tryCreation(world)).createdMs);
  console.log(printFigures("create, call to secret", figuresOf(waits)));
});

test("control: a key that nobody made gets a 401, so an admission is not given away", async () => {
  const real = await world.admin.createKey(world.projectId);
  const secret = real.secret.slice(0, -1) + (real.secret.endsWith("0") ? "1" : "0");
  for (const { url } of world.gateways) expect((await useKey(url, { secret })).status).toBe(401);
});

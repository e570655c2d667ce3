import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { figuresOf, printFigures } from "./proofs/figures.ts";
import { changeFor, couriersOf, untilCouriers } from "./proofs/no-nats.ts";
import { startWorld, type World } from "./support/world.ts";

const WITHOUT_MS = 30_000;
/** Three times a heartbeat period and the longest pause between attempts to connect. */
const BACK_MS_MAX = 75_000;

let world: World;

beforeAll(async () => {
  world = await startWorld({ restart: false });
  await untilCouriers(world, "bus", BACK_MS_MAX);
});
afterAll(() => world?.stack.stop());

test("with the bus killed, creations and revocations go on being confirmed, each one; then it is used again", async () => {
  const nats = world.stack.child("nats");
  const gone = nats.nextExit();
  nats.kill("SIGKILL");
  await gone;
  const times = await changeFor(world, WITHOUT_MS);
  const [created, confirmed] = [figuresOf(times.createdMs), figuresOf(times.confirmedMs)];
  console.log(printFigures("no bus, create, call to secret", created));
  console.log(printFigures("no bus, revoke, call to confirmed", confirmed));
  expect(couriersOf(world)).toEqual(["https", "https"]);
  // How fast, `npm run soak -- no-nats` judges.
  // Nothing of what a gateway writes down is out of reach either.
  for (const path of ["/audit?page[size]=100", "/logs?page[size]=100"]) {
    const { status, json } = await world.admin.call("GET", path);
    expect(status).toBe(200);
    expect(json).toMatchObject({ meta: { answered: ["eu-1", "us-1"], missing: [] } });
  }
  await nats.start();
  console.log(`back on the bus after ${Math.round(await untilCouriers(world, "bus", BACK_MS_MAX))} ms`);
  await changeFor(world, 1_000);
  expect(couriersOf(world)).toEqual(["bus", "bus"]);
});

test("with everything deleted that the bus has, its accounts come back by themselves and nothing is refused or admitted wrongly (I22)", async () => {
  const accounts = join(world.stack.home, "nats", "accounts");
  expect(readdirSync(accounts).filter((file) => file.endsWith(".jwt")).length).toBeGreaterThan(0);
  rmSync(accounts, { recursive: true, force: true });
  await changeFor(world, 2_000);
  const nats = world.stack.child("nats");
  const gone = nats.nextExit();
  nats.kill("SIGKILL");
  await gone;
  const [, times] = await Promise.all([nats.start(), changeFor(world, 5_000)]);
  console.log(printFigures("bus wiped, revoke, call to confirmed", figuresOf(times.confirmedMs)));
  await untilCouriers(world, "bus", BACK_MS_MAX);
  await changeFor(world, 1_000);
  expect(couriersOf(world)).toEqual(["bus", "bus"]);
});

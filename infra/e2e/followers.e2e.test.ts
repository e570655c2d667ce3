/** A fleet that restarts all at once, in small; `npm run soak -- followers` is the same with 100 and their times. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fleet, startFleet } from "./proofs/followers.ts";
import { bulkKeys } from "./support/bulk-keys.ts";
import { startWorld, type World } from "./support/world.ts";

const FOLLOWERS = 20;
const KEYS = 200;

let world: World;
let fleet: Fleet;

beforeAll(async () => {
  world = await startWorld({ restart: false, gateways: { "eu-1": 1 } });
  fleet = await startFleet(world, await bulkKeys(world, KEYS), FOLLOWERS);
});
afterAll(async () => {
  await fleet?.stop();
  await world?.stack.stop();
});

test("20 followers that restart in the same moment, half of them with nothing, all reach the head, and every read of an admin is answered", async () => {
  const { failedReads, readMs } = await fleet.restartAll();
  expect(failedReads).toEqual([]);
  expect(readMs.length).toBeGreaterThan(0);
});

test("the same without the bus", async () => {
  await world.stack.child("nats").stop();
  const { failedReads } = await fleet.restartAll();
  expect(failedReads).toEqual([]);
});

/** A rolling restart under load, in small; `npm run soak -- rolling` is the same with 200 000 keys. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { printRolling, rollGateways, untilHeld } from "./proofs/rolling.ts";
import { bulkKeys } from "./support/bulk-keys.ts";
import { startWorld, type World } from "./support/world.ts";

const KEYS = 2_000;
const PER_SECOND = 20;

let world: World;

beforeAll(async () => {
  world = await startWorld({ restart: false });
});
afterAll(() => world?.stack.stop());

test("2 000 keys: gateways restarted, killed and emptied one after another never refuse a valid key", async () => {
  const keys = await bulkKeys(world, KEYS);
  await untilHeld(world, keys);
  const rolled = await rollGateways(world, keys, ["SIGTERM", "SIGKILL", "emptied"], PER_SECOND);
  console.log(printRolling(rolled));
  expect(rolled.restarts).toHaveLength(6);
  expect(rolled.tally.atOnce).toBeGreaterThan(0);
}, 180_000);

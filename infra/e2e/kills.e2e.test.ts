/** Everything is killed once under load; `npm run soak -- kills` is the same for five minutes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { proveKills, tellKills } from "./proofs/kills.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stack.stop());

test("gateways, control plane, PostgreSQL and a bus that loses all it has are killed: usage has every attempt once (I13, I22)", async () => {
  const run = { forMs: 14_000, everyMs: [1_500, 3_000] as const, callers: 3, wipeNats: true };
  const figures = await proveKills(world, run);
  console.log(tellKills(figures));
  for (const { attempts, rows } of Object.values(figures.keys)) {
    expect(attempts).toBeGreaterThan(0);
    expect(rows.provider).toBeGreaterThan(0);
  }
  expect(Object.keys(figures.kills).length).toBeGreaterThan(1);
}, 300_000);

/** A hard budget over three gateways, in small; `npm run soak -- budget` is the same with eight and a dollar, fifty times. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeBudgetRuns, proveBudget, tellBudget } from "./proofs/budget.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({ gateways: { "eu-1": 1, "eu-2": 2, "us-1": 3 } });
});
afterAll(async () => {
  await closeBudgetRuns();
  await world?.stack.stop();
});

const small = { limitUsd: "0.05", requestsPerGateway: 120, tokensMax: 350 };

test("three gateways spend one budget to its end and never past it, and the ledgers agree row by row (I9 I13 I14)", async () => {
  const figures = await proveBudget(world, { ...small, aborts: false });
  expect(figures.outcomes["gave up"], tellBudget(figures)).toBeUndefined();
}, 300_000);

test("the same with callers that leave, a gateway killed, one frozen and the control plane restarted (I9 I13 I14)", async () => {
  const figures = await proveBudget(world, { ...small, aborts: true, faultsWithinMs: 4_000 });
  expect(figures.outcomes["gave up"], tellBudget(figures)).toBeUndefined();
}, 300_000);

/** A limit that is shared over three gateways, in small; `npm run soak -- rates` is the same for four minutes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { excessOf, figuresOfRates, fireRates, printRates, type RatePhaseResult } from "./proofs/rates.ts";
import type { MadeKey } from "./support/admin.ts";
import { startWorld, type World } from "./support/world.ts";

const LIMIT = 600;
/** Half as much again as the limit, nearly all of it at one gateway: equal shares would leave half of it unused. */
const SKEWED = [14, 1, 1];

let world: World;
let key: MadeKey;
let dealt: RatePhaseResult[];

beforeAll(async () => {
  world = await startWorld({ gateways: { "eu-1": 1, "us-1": 2, "ap-1": 3 }, restart: false });
  key = await world.admin.createKey(world.projectId, { requestsPerMinute: LIMIT });
}, 120_000);
afterAll(() => world?.stack.stop());

test("a limit is used where it is asked for, and never exceeds what one bucket admits (I15)", async () => {
  dealt = await fireRates(world, key, [{ name: "skewed", seconds: 14, perSecond: SKEWED }]);
  const [result] = dealt as [RatePhaseResult];
  const figures = figuresOfRates(LIMIT, result, 8);
  console.log(printRates(figures));
  expect(figures.other).toBe(0);
  expect(excessOf(LIMIT, dealt)).toBeLessThanOrEqual(0);
  expect(figures.used).toBeGreaterThan(0.6);
}, 120_000);

test("without the control plane the limit still holds, and no gateway admits nothing", async () => {
  await world.stack.child("control-plane").stop();
  const alone = await fireRates(world, key, [
    { name: "alone", seconds: 4, perSecond: SKEWED },
    { name: "alone, shifted", seconds: 4, perSecond: SKEWED.toReversed() },
  ]);
  const figures = alone.map((result) => figuresOfRates(LIMIT, result, 0));
  for (const each of figures) console.log(printRates(each));
  const perGateway = SKEWED.map((_, gateway) =>
    figures.reduce((sum, each) => sum + (each.perGateway[gateway] ?? 0), 0),
  );
  expect(Math.min(...perGateway)).toBeGreaterThan(0);
  expect(excessOf(LIMIT, [...dealt, ...alone])).toBeLessThanOrEqual(0);
}, 120_000);

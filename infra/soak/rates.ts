/**
 * `npm run soak -- rates`: three gateways and two control planes share a key's 600 requests per minute, for three minutes
 * of skewed and shifting demand and then without any control plane.
 */
import { excessOf, figuresOfRates, fireRates, printRates, type RatePhase } from "../e2e/proofs/rates.ts";
import { startWorld } from "../e2e/support/world.ts";

const LIMIT = 600;
const USED_MIN = 0.95;
/** The first seconds of a phase move the shares. */
const SETTLE_SECONDS = 10;

const steady: RatePhase = { name: "steady, skewed", seconds: 60, perSecond: [11, 3, 1] };
const shifting = Array.from({ length: 8 }, (_, n): RatePhase => {
  const perSecond = [1, 1, 1];
  perSecond[n % 3] = 13;
  return { name: `shift ${n + 1}`, seconds: 15, perSecond };
});
const orphaned: readonly RatePhase[] = [
  { name: "no control plane, as before", seconds: 30, perSecond: [11, 3, 1] },
  { name: "no control plane, shifted", seconds: 30, perSecond: [1, 3, 11] },
];

const world = await startWorld({ gateways: { "eu-1": 1, "us-1": 2, "ap-1": 3 }, controlPlanes: 2 });
const failures: string[] = [];
const check = (holds: boolean, what: string) => {
  if (!holds) failures.push(what);
};
try {
  const key = await world.admin.createKey(world.projectId, { name: "shared", requestsPerMinute: LIMIT });
  const dealt = await fireRates(world, key, [steady, ...shifting]);
  for (const result of dealt) {
    const figures = figuresOfRates(LIMIT, result, result.phase === steady ? SETTLE_SECONDS : 0);
    console.log(printRates(figures));
    if (result.phase === steady)
      check(figures.used >= USED_MIN, "less than 95 % were used under steady demand");
  }
  // Demand as it was before, so that the shares are those of the first phase when nobody deals any more.
  const again = await fireRates(world, key, [{ ...steady, seconds: 20 }]);
  await Promise.all(["control-plane", "control-plane-2"].map((name) => stopChild(name)));
  const alone = await fireRates(world, key, orphaned);
  for (const result of alone) {
    const figures = figuresOfRates(LIMIT, result, 0);
    console.log(printRates(figures));
    check(
      figures.perGateway.every((n) => n > 0),
      `${figures.name}: a gateway admitted nothing`,
    );
  }
  const excess = excessOf(LIMIT, [...dealt, ...again, ...alone]);
  console.log(
    `one bucket of ${LIMIT}/min was exceeded by ${excess.toFixed(1)} requests at most (0 or less: never)`,
  );
  check(excess <= 0, "one bucket would have admitted less");
} finally {
  await world.stack.stop();
}
for (const failure of failures) console.error(`FAIL ${failure}`);
if (failures.length > 0) process.exitCode = 1;
else console.log("ok: never more than one bucket, at least 95 % of it under steady demand, never nothing");

function stopChild(name: string): Promise<void> {
  return world.stack.child(name as "control-plane").stop();
}

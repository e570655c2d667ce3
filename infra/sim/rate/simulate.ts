/** One seed, one history of a rate limit: four gateways with shifting demand share it; judged against one central bucket. */
import { dealtOf, floorOf, type Rate, wholeOf } from "@claviger/shared/rate/limit";
import { booked } from "@claviger/shared/rate/outstanding";
import { Network } from "../network.ts";
import type { Violation } from "../oracle.ts";
import type { Outcome } from "../outcome.ts";
import { World } from "../world.ts";
import { Dealer } from "./dealer.ts";
import { Limiter, type Witness } from "./limiter.ts";

const TROUBLE_MS = 180_000;
const CALM_MS = 60_000;
const NAMES = ["rep-a", "rep-b", "rep-c", "rep-d"];
const SLACK = 1e-6;

class RateOracle implements Witness {
  readonly violations: Violation[] = [];
  admissions = 0;
  readonly #world: World;
  readonly #whole: Rate;
  #level: number;
  #atMs = 0;

  constructor(world: World, whole: Rate) {
    this.#world = world;
    this.#whole = whole;
    this.#level = whole.burst;
  }

  /** What one bucket for all of them would have said (I15). */
  admitted(limiter: Limiter): void {
    const { nowMs } = this.#world;
    this.admissions++;
    this.#level = Math.min(this.#whole.burst, this.#level + (nowMs - this.#atMs) * this.#whole.rate) - 1;
    this.#atMs = nowMs;
    if (this.#level < -SLACK) this.report(`${limiter.name} admitted what one bucket would have refused`);
    const { bucket, truth, clockRate } = limiter;
    if (bucket.rate * clockRate > truth.rate + SLACK * this.#whole.rate) {
      this.report(`${limiter.name} fills faster than it was dealt`);
    }
    if (bucket.burst > 0 && nowMs > truth.untilMs) this.report(`${limiter.name} uses a share that is over`);
  }

  inspect({ book }: Dealer, limiters: readonly Limiter[]): void {
    let { rate, burst } = book.limit;
    const used = limiters.map((one) => one.inUse());
    const usedRate = used.reduce((sum, one) => sum + one.rate, 0);
    const usedBurst = used.reduce((sum, one) => sum + one.burst, 0);
    if (usedRate > rate + SLACK || usedBurst > burst + SLACK) this.report("more is in use than there is");
    for (const { shares } of book.lines.values()) {
      rate -= booked(shares, (share) => share.rate);
      burst -= booked(shares, (share) => share.burst);
    }
    if (rate < -SLACK || burst < -SLACK) this.report("more is booked than there is");
  }

  report(detail: string): void {
    this.violations.push({ invariant: "I15", atMs: Math.round(this.#world.nowMs), detail });
  }
}

/** Runs one history to its end, or to its first violation. */
export function simulateRate(seed: number): Outcome {
  const world = new World(seed);
  const network = new Network(world);
  const perMinute = world.pick([20, 60, 600, 3_000]);
  const dealer = new Dealer(world, dealtOf(perMinute, NAMES.length));
  const oracle = new RateOracle(world, wholeOf(perMinute));
  const floor = floorOf(perMinute, NAMES.length);
  const limiters = NAMES.map((name) => new Limiter(name, world, network, dealer, floor, oracle));
  for (const limiter of limiters) callers(world, limiter, perMinute, TROUBLE_MS + CALM_MS);
  world.every(
    () => world.between(1_000, 5_000),
    TROUBLE_MS,
    () => trouble(world, network, dealer, limiters),
  );
  world.every(
    () => 200,
    TROUBLE_MS + CALM_MS,
    () => oracle.inspect(dealer, limiters),
  );
  world.after(TROUBLE_MS, () => {
    network.calm = true;
  });
  calm(world, limiters, oracle, perMinute);
  world.runUntil(TROUBLE_MS + CALM_MS + 1, () => oracle.violations.length > 0);
  const { violations, admissions } = oracle;
  return { violations, admissions, operations: 0, confirmations: 0 };
}

function callers(world: World, limiter: Limiter, perMinute: number, untilMs: number): void {
  limiter.run(untilMs);
  const shift = () => {
    limiter.demand = (perMinute / 60) * (world.chance(0.5) ? world.between(0, 0.1) : world.between(0.3, 2.5));
  };
  shift();
  world.every(() => world.between(3_000, 15_000), untilMs, shift);
  world.every(
    () => world.between(0.2, 1.8) * (1_000 / Math.max(0.02, limiter.demand)),
    untilMs,
    () => limiter.request(),
  );
}

function trouble(world: World, network: Network, dealer: Dealer, limiters: readonly Limiter[]): void {
  const limiter = world.pick(limiters);
  const choice = world.between(0, 1);
  if (choice < 0.4) network.cut(limiter.name, world.between(1_000, 30_000));
  else if (choice < 0.6) network.cut("cp", world.between(500, 8_000));
  else if (choice < 0.75) limiter.crash();
  else if (choice < 0.9) dealer.crash(world.between(200, 5_000));
  else dealer.failover();
}

/** When all is well, whoever is asked for most of the limit gets most of it. */
function calm(world: World, limiters: readonly Limiter[], oracle: RateOracle, perMinute: number): void {
  const fromMs = TROUBLE_MS + 40_000;
  let before = 0;
  world.after(fromMs, () => {
    before = oracle.admissions;
  });
  world.every(
    () => 30_000 / perMinute,
    TROUBLE_MS + CALM_MS,
    () => {
      if (world.nowMs > TROUBLE_MS + 20_000) world.pick(limiters).request();
    },
  );
  world.after(TROUBLE_MS + CALM_MS - 1, () => {
    const expected = (perMinute / 60_000) * (TROUBLE_MS + CALM_MS - fromMs);
    const admitted = oracle.admissions - before;
    // Of a few tokens, a fraction stays in each of the buckets.
    if (admitted < 0.6 * expected - NAMES.length)
      oracle.report(`only ${admitted} of ${expected} were admitted in calm`);
  });
}

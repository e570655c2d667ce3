/** One seed, one history of a limit: four gateways with shifting demand share it; judged against one central limiter. */
import { type Rate, wholeOf } from "@claviger/shared/rate/limit";
import { booked } from "@claviger/shared/rate/outstanding";
import { Network } from "../network.ts";
import type { Violation } from "../oracle.ts";
import type { Outcome } from "../outcome.ts";
import { World } from "../world.ts";
import { Dealer, KEY, type Limits } from "./dealer.ts";
import { Limiter, type Witness } from "./limiter.ts";

const TROUBLE_MS = 180_000;
const CALM_MS = 60_000;
const NAMES = ["rep-a", "rep-b", "rep-c", "rep-d"];
const SLACK = 1e-6;

class RateOracle implements Witness {
  readonly violations: Violation[] = [];
  readonly limiters: Limiter[] = [];
  admissions = 0;
  readonly #world: World;
  readonly #whole: Rate;
  readonly #max: number | null;
  #level: number;
  #atMs = 0;

  constructor(world: World, { requestsPerMinute, maxConcurrency }: Limits) {
    this.#world = world;
    this.#whole = wholeOf(requestsPerMinute ?? 0);
    this.#max = maxConcurrency;
    this.#level = this.#whole.burst;
  }

  /** What one limiter for all of them would have said (I15). */
  admitted(limiter: Limiter): void {
    this.admissions++;
    if (limiter.usesOver()) this.report(`${limiter.name} uses a share that is over`);
    if (this.#max === null) return this.#take(limiter);
    const inflight = this.limiters.reduce((sum, one) => sum + one.inflight(), 0);
    if (inflight > this.#max) this.report(`${inflight} are in flight of ${this.#max}`);
  }

  #take(limiter: Limiter): void {
    const { nowMs } = this.#world;
    this.#level = Math.min(this.#whole.burst, this.#level + (nowMs - this.#atMs) * this.#whole.rate) - 1;
    this.#atMs = nowMs;
    if (this.#level < -SLACK) this.report(`${limiter.name} admitted what one bucket would have refused`);
    if (limiter.fillsTooFast(SLACK * this.#whole.rate))
      this.report(`${limiter.name} fills faster than it was dealt`);
  }

  inspect({ books }: Dealer): void {
    const book = books.get(KEY)?.requests;
    if (book === undefined) return;
    let { rate, burst } = book.limit;
    const used = this.limiters.map((one) => one.inUse());
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

/** Runs one history of requests per minute to its end, or to its first violation. */
export function simulateRate(seed: number): Outcome {
  const world = new World(seed);
  const requestsPerMinute = world.pick([20, 60, 600, 3_000]);
  const limits = { requestsPerMinute, maxConcurrency: null };
  return simulate(world, limits, requestsPerMinute / 60, 0.9);
}

/** The same of requests at the same time, each of which lasts for about two seconds. */
export function simulatePermits(seed: number): Outcome {
  const world = new World(seed);
  const maxConcurrency = world.pick([1, 3, 10, 40, 100]);
  return simulate(world, { requestsPerMinute: null, maxConcurrency }, maxConcurrency / 2, 0.3);
}

/** `perSecond` is about what the limit admits; of that this part at least has to be admitted in calm. */
function simulate(world: World, limits: Limits, perSecond: number, used: number): Outcome {
  const network = new Network(world);
  const oracle = new RateOracle(world, limits);
  const { limiters } = oracle;
  const dealer = new Dealer(world, limits, (name) =>
    network.send("cp", name, () => limiters.find((one) => one.name === name)?.poke()),
  );
  for (const name of NAMES) limiters.push(new Limiter(name, world, network, dealer, limits, oracle));
  for (const limiter of limiters) callers(world, limiter, perSecond, TROUBLE_MS + CALM_MS);
  world.every(
    () => world.between(1_000, 5_000),
    TROUBLE_MS,
    () => trouble(world, network, dealer, limiters),
  );
  world.every(
    () => 200,
    TROUBLE_MS + CALM_MS,
    () => oracle.inspect(dealer),
  );
  world.after(TROUBLE_MS, () => {
    network.calm = true;
  });
  calm(world, oracle, perSecond, used);
  world.runUntil(TROUBLE_MS + CALM_MS + 1, () => oracle.violations.length > 0);
  const { violations, admissions } = oracle;
  return { violations, admissions, operations: 0, confirmations: 0 };
}

function callers(world: World, limiter: Limiter, perSecond: number, untilMs: number): void {
  limiter.run(untilMs);
  const shift = () => {
    const idle = world.chance(0.3);
    limiter.demand = idle
      ? 0
      : perSecond * (world.chance(0.3) ? world.between(0, 0.1) : world.between(0.3, 2.5));
  };
  shift();
  world.every(() => world.between(3_000, 15_000), untilMs, shift);
  world.every(
    () => world.between(0.2, 1.8) * Math.min(2_000, 1_000 / Math.max(0.02, limiter.demand)),
    untilMs,
    () => {
      if (limiter.demand > 0) limiter.request();
    },
  );
}

function trouble(world: World, network: Network, dealer: Dealer, limiters: readonly Limiter[]): void {
  const limiter = world.pick(limiters);
  const choice = world.between(0, 1);
  if (choice < 0.3) network.cut(limiter.name, world.between(1_000, 30_000));
  else if (choice < 0.45) network.cut("cp", world.between(500, 8_000));
  else if (choice < 0.6) limiter.crash();
  else if (choice < 0.75) limiter.freeze(world.between(1_000, 30_000));
  else if (choice < 0.8) limiter.setBack(world.between(0, 2_000));
  else if (choice < 0.92) dealer.crash(world.between(200, 5_000));
  else dealer.failover();
}

/** When all is well, whoever is asked for most of the limit gets most of it. */
function calm(world: World, oracle: RateOracle, perSecond: number, used: number): void {
  const { limiters } = oracle;
  const fromMs = TROUBLE_MS + 40_000;
  let before = 0;
  world.after(fromMs, () => {
    before = oracle.admissions;
  });
  world.every(
    () => 500 / perSecond,
    TROUBLE_MS + CALM_MS,
    () => {
      if (world.nowMs > TROUBLE_MS + 20_000) world.pick(limiters).request();
    },
  );
  world.after(TROUBLE_MS + CALM_MS - 1, () => {
    const expected = (perSecond / 1_000) * (TROUBLE_MS + CALM_MS - fromMs);
    const admitted = oracle.admissions - before;
    // Of a few tokens, a fraction stays in each of the buckets, and one more is on its way to where it is wanted.
    if (admitted < used * expected - 2 * NAMES.length)
      oracle.report(`only ${admitted} of ${expected} were admitted in calm`);
  });
}

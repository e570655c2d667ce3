/** One seed, one history of money: three gateways spend from shared budgets through four minutes of trouble, then calm. */
import { Network } from "../network.ts";
import type { Outcome } from "../outcome.ts";
import { World } from "../world.ts";
import { Bank, type Budget, keyOf } from "./bank.ts";
import { MoneyOracle } from "./oracle.ts";
import { Spender } from "./spender.ts";

const TROUBLE_MS = 150_000;
/** What was late when the trouble ended is up to a minute late. */
const CALM_MS = 75_000;
/** As a refusal for want of headroom says. */
const RETRY_AFTER_MS = 5_000;
const SWEEP_EVERY_MS = 5_000;
const WAITED_MS = 2_000;
/** Two keys and their project; the second key's budget is per minute, in place of per day. */
const PATHS: readonly (readonly string[])[] = [
  ["key-1", "project"],
  ["key-2", "project"],
];

function budgets(): Budget[] {
  return [
    { id: "key-1", limit: 60_000n, windowMs: null },
    { id: "key-2", limit: 12_000n, windowMs: 60_000 },
    { id: "project", limit: 90_000n, windowMs: null },
  ];
}

/** Runs one history to its end, or to its first violation. */
export function simulateMoney(seed: number): Outcome {
  const world = new World(seed);
  const network = new Network(world);
  const names = ["rep-a", "rep-b", "rep-c"];
  let bank: Bank | undefined;
  const oracle = new MoneyOracle(world, () => bank as Bank);
  const cp = new Bank(world, budgets(), names, oracle);
  bank = cp;
  const spenders = names.map((name) => new Spender(name, world, network, cp, oracle));
  for (const spender of spenders) spender.boot();
  world.every(
    () => world.between(10, 110),
    TROUBLE_MS,
    () => {
      const spender = world.pick(spenders);
      if (world.chance(0.1)) spender.unbudgeted();
      else spender.request(world.pick(PATHS), BigInt(Math.floor(world.between(20, 300))));
    },
  );
  world.every(
    () => world.between(1_500, 8_000),
    TROUBLE_MS - 20_000,
    () => trouble(world, network, cp, spenders),
  );
  world.every(
    () => world.between(200, 4_000),
    TROUBLE_MS,
    () => network.replay(),
  );
  world.after(TROUBLE_MS, () => {
    network.calm = true;
  });
  world.after(TROUBLE_MS + CALM_MS - 15_000, () => probe(world, cp, spenders, oracle));
  world.after(TROUBLE_MS + CALM_MS, () => oracle.settled(spenders));
  try {
    world.runUntil(TROUBLE_MS + CALM_MS + 1, () => oracle.violations.length > 0);
  } catch (error) {
    oracle.broken(error);
  }
  return {
    violations: oracle.violations,
    admissions: oracle.forwards,
    operations: cp.slices.size,
    confirmations: 0,
  };
}

function trouble(world: World, network: Network, cp: Bank, spenders: readonly Spender[]): void {
  const spender = world.pick(spenders);
  const choice = world.between(0, 1);
  if (choice < 0.3) network.cut(spender.name, world.between(500, 20_000));
  else if (choice < 0.65) spender.crash(world.between(50, 6_000));
  else if (choice < 0.8) cp.crash(world.between(100, 4_000));
  else if (choice < 0.88) cp.writeOff(spender.name);
  else if (choice < 0.96)
    cp.edit(world.pick(["key-1", "project"]), BigInt(Math.floor(world.between(20_000, 110_000))));
  else if (!spenders.some((one) => one.lost)) {
    spender.lost = true;
    spender.crash(0);
    world.after(world.between(1_000, 5_000), () => {
      cp.writeOff(spender.name);
      sweep(world, cp, spender.name);
    });
  }
}

/**
 * The control plane sweeps again and again: what a crash left undone, or what a word of the lost one that was long on its
 * way has opened again, is written off by a later round.
 */
function sweep(world: World, cp: Bank, replica: string): void {
  world.after(SWEEP_EVERY_MS, () => {
    const open = [...cp.slices.values()].some((one) => one.replica === replica && one.state === "open");
    if (open) cp.writeOff(replica);
    if (world.nowMs < TROUBLE_MS + CALM_MS / 2) sweep(world, cp, replica);
  });
}

/** A request that there is money for, at each gateway, when everything is well again; refused once, it is sent again. */
function probe(world: World, cp: Bank, spenders: readonly Spender[], oracle: MoneyOracle): void {
  const nanos = 50n;
  const rows = [...cp.rows.values()].filter((row) => row.endMs === null);
  for (const row of rows) {
    const lost = [...cp.slices.values()].filter(
      (one) =>
        keyOf(one) === keyOf(row) &&
        one.state === "open" &&
        spenders.some((s) => s.lost && s.name === one.replica),
    );
    const stuck = lost.reduce((sum, one) => sum + one.amount - one.spent, 0n);
    if (row.limit - row.spent - stuck < 5_000n) continue;
    for (const spender of spenders) {
      if (spender.lost) continue;
      const first = spender.request([row.budget], nanos);
      world.after(RETRY_AFTER_MS, () => {
        if (oracle.served(first ?? "")) return;
        const second = spender.request([row.budget], nanos);
        world.after(WAITED_MS, () =>
          oracle.probe(second ?? "", `${nanos} of ${row.budget} at ${spender.name}`),
        );
      });
    }
  }
}

/** One seed, one history: three replicas, a control plane, ten minutes of trouble, then calm. */
import { ControlPlane } from "./control-plane.ts";
import { editOf } from "./keys.ts";
import { Network } from "./network.ts";
import { Oracle } from "./oracle.ts";
import type { Outcome } from "./outcome.ts";
import { type HostFaults, ReplicaHost } from "./replica-host.ts";
import { World } from "./world.ts";

export interface Variant extends HostFaults {
  readonly name: string;
  /** A failover may lose the latest commits (asynchronous replication). */
  readonly lossy: boolean;
}

export const VARIANTS: readonly Variant[] = [
  { name: "base", clock: false, damage: false, lossy: false },
  { name: "clock", clock: true, damage: false, lossy: false },
  { name: "damage", clock: false, damage: true, lossy: false },
  { name: "loss", clock: false, damage: false, lossy: true },
];

const REPLICAS = ["rep-a", "rep-b", "rep-c"];
const KEYS = 4;
const TROUBLE_MS = 600_000;
const CALM_MS = 60_000;

/** Runs one history to its end, or to its first violation. */
export function simulate(seed: number, variant: Variant): Outcome {
  const world = new World(seed);
  const network = new Network(world);
  const hosts: ReplicaHost[] = [];
  const cp = new ControlPlane(world, REPLICAS, KEYS, {
    publish: (step) => {
      for (const host of hosts) network.send("cp", host.name, () => host.receive(() => step));
    },
  });
  const oracle = new Oracle(world, () => cp, variant.lossy);
  for (const name of REPLICAS) hosts.push(new ReplicaHost(name, world, network, cp, oracle, variant));
  for (const host of hosts) host.boot();

  world.every(
    () => world.between(20, 200),
    TROUBLE_MS + CALM_MS,
    () => request(world, cp, hosts, oracle),
  );
  world.every(
    () => world.between(1_000, 12_000),
    TROUBLE_MS,
    () => administrate(world, cp),
  );
  world.every(
    () => 250,
    TROUBLE_MS + CALM_MS,
    () => oracle.look(),
  );
  world.every(
    () => world.between(1_000, 3_000),
    TROUBLE_MS,
    () => {
      for (const host of hosts) oracle.inspect(host);
    },
  );
  world.every(
    () => world.between(20_000, 90_000),
    TROUBLE_MS,
    () => world.pick(hosts).compact(),
  );
  world.every(
    () => world.between(3_000, 15_000),
    TROUBLE_MS - 90_000,
    () => trouble(world, network, cp, hosts, variant),
  );
  world.every(
    () => world.between(100, 4_000),
    TROUBLE_MS,
    () => network.replay(),
  );
  world.after(TROUBLE_MS, () => {
    network.calm = true;
  });
  world.after(TROUBLE_MS + CALM_MS, () => oracle.settled(hosts));
  world.runUntil(TROUBLE_MS + CALM_MS + 1, () => oracle.violations.length > 0);
  const { admissions, confirmations, violations } = oracle;
  return { violations, admissions, confirmations, operations: cp.operations.length };
}

function request(world: World, cp: ControlPlane, hosts: readonly ReplicaHost[], oracle: Oracle): void {
  const key = world.pick(cp.keys());
  const hash = world.chance(0.7) ? key.hashes.at(-1) : world.pick(key.hashes);
  if (hash !== undefined) oracle.request(world.pick(hosts), key.id, hash.hash);
}

function administrate(world: World, cp: ControlPlane): void {
  cp.change(() => editOf(world, world.pick(cp.keys())));
}

function trouble(
  world: World,
  network: Network,
  cp: ControlPlane,
  hosts: readonly ReplicaHost[],
  variant: Variant,
): void {
  const host = world.pick(hosts);
  const choice = world.between(0, 1);
  if (choice < 0.3) network.cut(host.name, world.between(2_000, 90_000));
  else if (choice < 0.4) network.cut("cp", world.between(500, 20_000));
  else if (choice < 0.65) host.crash(world.between(200, 30_000));
  else if (choice < 0.8) host.freeze(world.between(500, 80_000));
  else if (choice < 0.9) cp.crash(world.between(200, 8_000));
  else cp.failover(world.between(200, 3_000), variant.lossy);
}

/** What is done to the system. Each fault says what is promised meanwhile, begins, lasts, and is healed. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RelayPort } from "../failover/relay-port.ts";
import type { ChildName } from "../local/types.ts";
import type { Place } from "./place.ts";

export interface Fault {
  readonly name: string;
  /** What callers and administrators may rely on while it lasts. */
  readonly promised: string;
  /** Begins it, and says how it ends. */
  begin(place: Place): Promise<() => Promise<void>>;
  /** False where this machine cannot do it. */
  possible?(place: Place): boolean;
  /** Only once in a run, and last. */
  readonly last?: true;
  /** Belongs to the short run. */
  readonly short?: true;
}

const SERVES = "every gateway serves";
const OTHERS = "the other gateways serve; changes are pending and name the one that is missing";

const kill = (name: ChildName, promised: string, short?: true): Fault => ({
  name: `SIGKILL ${name}`,
  promised,
  ...(short === undefined ? {} : { short }),
  async begin({ stack, ending }) {
    const child = stack.child(name);
    ending(name);
    const gone = child.nextExit();
    child.kill("SIGKILL");
    await gone;
    return () => child.start();
  },
});

const freeze = (name: ChildName, promised: string, short?: true): Fault => ({
  name: `SIGSTOP ${name}`,
  promised,
  ...(short === undefined ? {} : { short }),
  async begin({ stack }) {
    const child = stack.child(name);
    child.kill("SIGSTOP");
    return async () => child.kill("SIGCONT");
  },
});

type Way = (place: Place) => readonly RelayPort[];

const onWay = (what: string, way: Way, promised: string): Fault[] => {
  const each = (place: Place, act: (relay: RelayPort) => void) => {
    for (const relay of way(place)) act(relay);
  };
  return [
    {
      name: `200 ms of latency on ${what}`,
      promised,
      async begin(place) {
        each(place, (relay) => relay.slow(200));
        return async () => each(place, (relay) => relay.carry());
      },
    },
    {
      name: `${what} swallows everything`,
      promised,
      async begin(place) {
        each(place, (relay) => relay.swallow());
        return async () => each(place, (relay) => relay.carry());
      },
    },
    {
      name: `resets in the middle of a message on ${what}`,
      promised,
      async begin(place) {
        const timer = setInterval(() => each(place, (relay) => relay.tear()), 400);
        return async () => clearInterval(timer);
      },
    },
    {
      name: `resets of every connection on ${what}`,
      promised,
      async begin(place) {
        const timer = setInterval(() => each(place, (relay) => relay.cut(false)), 400);
        return async () => clearInterval(timer);
      },
    },
  ];
};

const WAIT = `${SERVES} until its keys' staleness; changes wait or are a 503`;

const ways = [
  ...onWay("the bus", ({ bus }) => bus, `${SERVES}; changes go on over HTTPS`),
  ...onWay(
    "the way to the control planes",
    ({ https }) => [...https.values()],
    `${SERVES}; changes go on over the bus`,
  ),
  ...onWay("the way to the database", ({ database }) => [database], WAIT),
  ...onWay("the replication", ({ replication }) => [replication], WAIT),
];

const SHORT_WAYS = new Set([
  "the bus swallows everything",
  "resets in the middle of a message on the way to the database",
]);

const wipedBus: Fault = {
  name: "all three nats-servers wiped",
  promised: `${SERVES}; changes go on over HTTPS, and everybody is on the bus again by itself`,
  short: true,
  async begin({ stopBus, wipeBus, startBus }) {
    await stopBus();
    wipeBus();
    return startBus;
  },
};

const oneNode: Fault = {
  name: "SIGKILL one nats-server of three",
  promised: `${SERVES}; changes are confirmed as ever`,
  async begin({ stack, ending }) {
    const child = stack.child("nats");
    ending("nats");
    const gone = child.nextExit();
    child.kill("SIGKILL");
    await gone;
    return () => child.start();
  },
};

const fullDisk: Fault = {
  name: "the disk of one gateway is full",
  promised:
    "it refuses what it cannot write down (503) and confirms nothing that is not on disk; the others serve",
  possible: ({ smallDisk }) => smallDisk !== undefined,
  async begin({ smallDisk = "" }) {
    const filler = join(smallDisk, "filler");
    try {
      for (let n = 0; n < 64; n++) writeFileSync(filler, Buffer.alloc(1024 * 1024), { flag: "a" });
      throw new Error("this disk has no end");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
    return async () => rmSync(filler, { force: true });
  },
};

const everything: Fault = {
  name: "SIGKILL both control planes and the bus",
  promised: `${SERVES} until its keys' staleness; the API is away`,
  async begin(place) {
    const names = ["control-plane", "control-plane-2"] as const;
    const children = names.map((name) => place.stack.child(name));
    for (const name of names) place.ending(name);
    const gone = children.map((child) => child.nextExit());
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([...gone, place.stopBus()]);
    return async () => {
      await place.startBus();
      await Promise.all(children.map((child) => child.start()));
    };
  },
};

const promotion: Fault = {
  name: "the primary is killed and the standby promoted",
  promised: "a short 503; the epoch is one higher; everything that was confirmed is there (I25)",
  last: true,
  short: true,
  async begin({ promote }) {
    await promote();
    return async () => undefined;
  },
};

export const catalogue: readonly Fault[] = [
  kill("gateway-eu-1", OTHERS, true),
  kill("gateway-us-1", OTHERS),
  kill("control-plane", `${SERVES}; the other control plane does all of its work`, true),
  kill("control-plane-2", `${SERVES}; the other control plane does all of its work`),
  kill("postgres", WAIT),
  freeze("gateway-eu-2", `${OTHERS}; thawed, it admits nothing by an old proof`, true),
  freeze("control-plane", `${SERVES}; calls to the frozen one hang, the other answers`),
  freeze("postgres", WAIT),
  freeze("nats", `${SERVES}; changes go on over other servers or HTTPS`),
  ...ways.map((fault): Fault => (SHORT_WAYS.has(fault.name) ? { ...fault, short: true } : fault)),
  wipedBus,
  oneNode,
  fullDisk,
  everything,
  promotion,
];

/**
 * What the dashboards of an organization are told. The bargain: a process looks once for all of its listeners, woken by
 * PostgreSQL and at least every 2 s (silence turns into a state by itself); where nobody listens nothing is asked.
 */
import type { LiveEvents } from "@claviger/shared/api/event";
import { and, desc, eq, isNull, ne, sql } from "drizzle-orm";
import { gateway } from "../db/tables/gateway.ts";
import { notification } from "../db/tables/notification.ts";
import { gatewayResources } from "../gateways/find.ts";
import type { Ports } from "../ports.ts";
import { type ChangesAfter, readChangesAfter, shareReads } from "./changes.ts";

/** The longest time between two looks, in milliseconds. */
const LOOK_EVERY_MS = 2_000;
/** The shortest: a burst of heartbeats is one look. */
const LOOK_GAP_MS = 150;
/** Whether keys were used is asked for this often at most. */
const TRAFFIC_EVERY_MS = 4_000;

/** An organization as it was looked at last. */
export interface Sight {
  /** On the process's monotonic clock. */
  readonly seenAtMs: number;
  readonly revision: string;
  readonly fleet: LiveEvents["fleet"];
  /** The fleet as text: equal texts need not be told twice. */
  readonly fleetText: string;
  /** Counts up whenever keys were used. */
  readonly traffic: number;
  /** Its newest notification; empty while there is none. */
  readonly told: string;
}

export interface Listener {
  /** The latest sight, once there is one. */
  readonly sight: Sight | undefined;
  changesAfter(revision: string): Promise<ChangesAfter>;
  /** Any number of times. */
  stop(): void;
}

const hubs = new WeakMap<Ports["db"], Map<string, Watch>>();

/** Calls `ring` after every look, until it is stopped. */
export function listen(ports: Ports, orgId: string, ring: () => void): Listener {
  const watches = hubs.get(ports.db) ?? new Map<string, Watch>();
  hubs.set(ports.db, watches);
  const watch = watches.get(orgId) ?? startWatch(ports, orgId, () => watches.delete(orgId));
  watches.set(orgId, watch);
  return watch.add(ring);
}

interface Watch {
  add(ring: () => void): Listener;
}

function startWatch(ports: Ports, orgId: string, over: () => void): Watch {
  const rings = new Set<() => void>();
  const looker = createLooker(ports, orgId);
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let lookedAtMs = 0;
  let busy = false;
  let again = false;
  const look = async () => {
    timer = undefined;
    busy = true;
    again = false;
    lookedAtMs = performance.now();
    try {
      await looker.look();
    } catch (error) {
      // Who listens hears silence, and asks by itself.
      ports.log.warn({ err: error, org: orgId }, "what dashboards are told could not be read");
    }
    busy = false;
    if (ended) return;
    for (const ring of [...rings]) ring();
    plan(again ? LOOK_GAP_MS : LOOK_EVERY_MS);
  };
  const plan = (inMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void look(), inMs);
  };
  const hear = (payload: string) => {
    if (payload !== orgId && payload !== "") return;
    again = true;
    if (!busy) plan(Math.max(0, lookedAtMs + LOOK_GAP_MS - performance.now()));
  };
  const offs = [ports.wake.on("change", hear), ports.wake.on("operation", hear)];
  void look();
  return {
    add(ring) {
      rings.add(ring);
      return {
        get sight() {
          return looker.sight;
        },
        changesAfter: looker.changesAfter,
        stop() {
          rings.delete(ring);
          if (rings.size > 0 || ended) return;
          ended = true;
          clearTimeout(timer);
          for (const off of offs) off();
          over();
        },
      };
    },
  };
}

function createLooker(ports: Ports, orgId: string) {
  let sight: Sight | undefined;
  let used = { sum: "", atMs: Number.NEGATIVE_INFINITY };
  let read: { revision: string; after: (revision: string) => Promise<ChangesAfter> } | undefined;
  const readTraffic = async (count: number) => {
    if (performance.now() - used.atMs < TRAFFIC_EVERY_MS) return count;
    const [row] = await ports.db.execute<{ sum: string }>(sql`
      select coalesce(sum(requests + refused), 0)::text as sum from key_usage where org_id = ${orgId}`);
    const moved = used.sum !== "" && used.sum !== row?.sum;
    used = { sum: row?.sum ?? "", atMs: performance.now() };
    return moved ? count + 1 : count;
  };
  return {
    get sight() {
      return sight;
    },
    async look() {
      const rows = await ports.db
        .select()
        .from(gateway)
        .where(and(eq(gateway.orgId, orgId), isNull(gateway.goneAt)))
        .orderBy(gateway.name);
      const [data, [head], traffic, told] = await Promise.all([
        gatewayResources(ports.db, orgId, rows, ports.clock.nowMs()),
        ports.db.execute<{ epoch: number; rev: string }>(
          sql`select epoch, rev from org_head where org_id = ${orgId}`,
        ),
        readTraffic(sight?.traffic ?? 0),
        newestTold(ports.db, orgId),
      ]);
      if (head === undefined) throw new Error("this organization has no journal");
      const revision = `${head.epoch}.${head.rev}`;
      sight = {
        seenAtMs: performance.now(),
        revision,
        fleet: { data },
        fleetText: JSON.stringify(data),
        traffic,
        told,
      };
    },
    changesAfter(revision: string): Promise<ChangesAfter> {
      const at = sight?.revision ?? "";
      if (read?.revision !== at) {
        read = { revision: at, after: shareReads((from) => readChangesAfter(ports.db, orgId, from)) };
      }
      return read.after(revision);
    },
  };
}

async function newestTold(db: Ports["db"], orgId: string): Promise<string> {
  const [newest] = await db
    .select({ id: notification.id })
    .from(notification)
    .where(and(eq(notification.orgId, orgId), ne(notification.kind, "test")))
    .orderBy(desc(notification.at), desc(notification.id))
    .limit(1);
  return newest?.id ?? "";
}

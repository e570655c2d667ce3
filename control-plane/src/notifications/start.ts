/** Looking for what is worth telling, and delivering it, in every control plane; each look is one process's at a time. */
import { sql } from "drizzle-orm";
import type { Tx } from "../fleet/journal.ts";
import type { Ports } from "../ports.ts";
import { createDeliverer, type Senders } from "./deliver.ts";
import { watchBudgets } from "./watch-budgets.ts";
import { watchErrors } from "./watch-errors.ts";
import { watchGateways } from "./watch-gateways.ts";
import { watchKeys } from "./watch-keys.ts";
import { watchNetworks } from "./watch-networks.ts";

const DELIVER_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 10_000;
const PRUNE_EVERY_MS = 3_600_000;

type Look = (tx: Tx, ports: Ports) => Promise<unknown>;

/** Any constants: whoever holds one has that look. */
const LOCK = 7_305_116_300;

/** Runs until it is stopped; a failure is logged and tried again. */
export function startNotifications(ports: Ports, senders: Senders): { stop(): Promise<void> } {
  const looks = createLooks(ports.clock.nowMs());
  const deliverer = createDeliverer(ports, senders);
  const deliver = repeat(ports, DELIVER_EVERY_MS, async () => {
    // Whoever ends makes room at once, and nobody waits for the slowest.
    for (const ended of await deliverer.take()) void ended.then(deliver.soon);
  });
  const look = repeat(ports, LOOK_EVERY_MS, () => lookOnce(ports, looks));
  const prune = repeat(ports, PRUNE_EVERY_MS, () => pruneNotifications(ports));
  return {
    async stop() {
      await Promise.all([deliver.stop(), look.stop(), prune.stop()]);
      await deliverer.idle();
    },
  };
}

/** In the order of their locks. */
export function createLooks(listeningSinceMs: number): readonly Look[] {
  return [
    watchBudgets,
    watchKeys,
    (tx, ports) => watchGateways(tx, ports, listeningSinceMs),
    watchNetworks,
    watchErrors,
  ];
}

/** Every look whose lock nobody else has; one that fails does not keep the others from looking. */
export async function lookOnce(ports: Ports, looks: readonly Look[]): Promise<void> {
  for (const [at, look] of looks.entries()) {
    try {
      await ports.db.transaction(async (tx) => {
        const [held] = await tx.execute<{ mine: boolean }>(
          sql`select pg_try_advisory_xact_lock(${LOCK + at}::bigint) as mine`,
        );
        if (held?.mine === true) await look(tx, ports);
      });
    } catch (error) {
      ports.log.warn({ err: error, look: at }, "notifications: a look failed");
    }
  }
}

/** What was told is kept for 90 days, and its deliveries with it. */
export async function pruneNotifications({ db }: Pick<Ports, "db">): Promise<void> {
  await db.execute(sql`delete from notification_delivery where created_at < now() - interval '90 days'`);
  await db.execute(sql`delete from notification where at < now() - interval '90 days'`);
  await db.execute(sql`delete from network_cursor n where not exists (
    select 1 from replica_cursor c where c.replica_id = n.replica_id)`);
  await db.execute(sql`delete from key_network n where not exists (
    select 1 from api_key k where k.org_id = n.org_id and k.id = n.key_id and k.status <> 'deleted')`);
}

interface Repeated {
  /** Now, or once more as soon as the run that is under way has ended. */
  soon(): void;
  /** Resolves when a run that is under way has ended. */
  stop(): Promise<void>;
}

function repeat(ports: Ports, everyMs: number, work: () => Promise<void>): Repeated {
  let running = Promise.resolve();
  const state = { busy: false, again: false, stopped: false };
  const run = () => {
    state.busy = true;
    running = work()
      .catch((error: unknown) => ports.log.warn({ err: error }, "notifications failed"))
      .finally(() => {
        state.busy = false;
        if (state.again) soon();
      });
  };
  const soon = () => {
    state.again = state.busy;
    if (!state.busy && !state.stopped) run();
  };
  const timer = setInterval(() => {
    if (!state.busy) run();
  }, everyMs);
  return {
    soon,
    async stop() {
      state.stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}

/** What is done now and then in every process: confirmed operations are frozen, and what nobody can ask for is dropped. */
import { sql } from "drizzle-orm";
import { keepPartitions } from "../db/partitions.ts";
import type { Ports } from "../ports.ts";
import { sweepSlices } from "./escrow/write-off.ts";
import { pruneNonces } from "./nonces.ts";
import { type SettledTo, settleOperations } from "./operations.ts";
import { pruneBooks } from "./rate/stored.ts";
import { rotateDataKeys } from "./rotate-data-key.ts";

const SETTLE_EVERY_MS = 3_000;
const ROTATE_EVERY_MS = 20_000;
const PRUNE_EVERY_MS = 600_000;
const FORGET_EVERY_MS = 60_000;
const SWEEP_EVERY_MS = 600_000;
const EVENTS_EVERY_MS = 3_600_000;
const PARTITIONS_EVERY_MS = 3_600_000;

/** Runs until it is stopped; a failure is logged and tried again. `dropEvents` drops usage events that were kept long enough. */
export function startHousekeeping(ports: Ports, dropEvents: () => Promise<void>): { stop(): Promise<void> } {
  let settledTo: SettledTo | undefined;
  const settle = repeat(ports, "settle", SETTLE_EVERY_MS, async () => {
    settledTo = await settleOperations(ports, settledTo);
  });
  const rotate = repeat(ports, "rotate", ROTATE_EVERY_MS, () => rotateDataKeys(ports));
  const prune = repeat(ports, "prune", PRUNE_EVERY_MS, () => pruneFleet(ports));
  const sweep = repeat(ports, "slices", SWEEP_EVERY_MS, () => sweepSlices(ports));
  const forget = repeat(ports, "forget", FORGET_EVERY_MS, () => pruneNonces(ports.db));
  const partitions = repeat(ports, "partitions", PARTITIONS_EVERY_MS, () =>
    keepPartitions(ports.db, ports.clock.nowMs()),
  );
  const events = repeat(ports, "usage events", EVENTS_EVERY_MS, dropEvents);
  return {
    async stop() {
      await Promise.all([settle(), rotate(), prune(), forget(), partitions(), sweep(), events()]);
    },
  };
}

/**
 * Drops changes and their operations after 35 days (no gateway can be bound by one that long, so the open ones are over
 * too), versions of staleness that no replica can be held to any more, old snapshots' pages, and
 * detached replicas once none of their keys can be admitted.
 */
export async function pruneFleet(ports: Pick<Ports, "db">): Promise<void> {
  const { db } = ports;
  await db.execute(
    sql`delete from org_change where created_at < now() - interval '35 days' and published_at is not null`,
  );
  await db.execute(sql`delete from barrier_op where committed_at < now() - interval '35 days'`);
  await db.execute(sql`
    delete from key_staleness old using key_staleness newer
    where newer.org_id = old.org_id and newer.key_id = old.key_id and newer.rev > old.rev
      and newer.rev <= (
        select coalesce(min(r.rev_effective), 0) from replica r where r.org_id = old.org_id)`);
  await db.execute(sql`delete from snapshot_page where named_at < now() - interval '1 day'`);
  await db.execute(sql`delete from snapshot where built_at < now() - interval '1 day'`);
  // 604 800 s is the longest staleness; 1 % drift and the margins make it 7 days and two hours.
  await db.execute(sql`
    delete from replica where gone_at < now() - interval '8 days'
      and not exists (select 1 from barrier_op o where o.org_id = replica.org_id and o.done_at is null)`);
  await db.execute(sql`delete from ephemeral_token where expires_at < now() - interval '1 day'`);
  await pruneBooks(db);
  await db.execute(sql`delete from enrolment_token where expires_at < now() - interval '30 days'`);
}

/** Returns the way to stop, which resolves when a run that is under way has ended. */
function repeat(ports: Ports, what: string, everyMs: number, work: () => Promise<void>): () => Promise<void> {
  let running = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = work()
      .catch((error: unknown) => ports.log.warn({ err: error, what }, "housekeeping failed"))
      .finally(() => {
        busy = false;
      });
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

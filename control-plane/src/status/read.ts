/** What the whole control plane can say of itself without naming any organization. */
import type { StatusView, VoidConfirmations } from "@claviger/shared/api/status";
import { DOWN_AFTER_MS } from "@claviger/shared/sync/barrier";
import { sql } from "drizzle-orm";
import { refusalsOf } from "../fleet/refusals.ts";
import type { Ports } from "../ports.ts";

/** Asks the database; throws when it does not answer. */
export async function readStatus(ports: Ports): Promise<StatusView> {
  const [row] = await ports.db.execute<{ on: boolean }>(sql`
    select current_setting('synchronous_commit') in ('on', 'remote_apply')
      and current_setting('synchronous_standby_names') <> '' as on`);
  const synchronousReplication = row?.on === true;
  return {
    database: { synchronousReplication },
    bus: { connected: ports.bus.connected },
    revocations: synchronousReplication ? "durable" : "best effort during database failover",
    voidConfirmations: await readVoid(ports),
    usageGaps: await readGaps(ports),
  };
}

/** As long as changes are kept. One failover is one row, however many organizations there are. */
async function readVoid(ports: Ports): Promise<VoidConfirmations[]> {
  const rows = await ports.db.execute<{ since: number | null; until: number; proved: boolean }>(sql`
    select extract(epoch from min(survived_at))::float8 * 1000 as since,
      extract(epoch from raised_at)::float8 * 1000 as until, bool_or(loss = 'proved') as proved
    from org_epoch where loss <> 'none' and raised_at > now() - interval '35 days'
    group by raised_at order by raised_at desc limit 20`);
  const iso = (ms: number) => new Date(ms).toISOString();
  return rows.map(({ since, until, proved }) => ({
    since: since === null ? null : iso(since),
    until: iso(until),
    proved,
  }));
}

async function readGaps(ports: Ports): Promise<StatusView["usageGaps"]> {
  const rows = await ports.db.execute<{ noticed: number; events: string }>(sql`
    select extract(epoch from max(noticed_at))::float8 * 1000 as noticed, sum(to_seq - from_seq + 1) as events
    from usage_gap where noticed_at > now() - interval '35 days'
    group by date_trunc('hour', noticed_at) order by max(noticed_at) desc limit 20`);
  return rows.map(({ noticed, events }) => ({
    noticedAt: new Date(noticed).toISOString(),
    events: Number(events),
  }));
}

interface Counts extends Record<string, unknown> {
  organizations: string;
  revisions: string;
  unpublished: string;
  operations_open: string;
  replicas: string;
  replicas_up: string;
  usage_events: string;
}

/** Anybody may ask for the counts, and counting reads whole tables: it is done once in so many milliseconds. */
const COUNTS_KEPT_MS = 5_000;

const kept = new WeakMap<Ports, { atMs: number; counts: Promise<Counts | undefined> }>();

/** Gauges over the whole cluster, in the Prometheus text format; counts are up to five seconds old. */
export async function readMetrics(ports: Ports): Promise<string> {
  const nowMs = ports.clock.nowMs();
  const last = kept.get(ports);
  const isRecent = last !== undefined && Math.abs(nowMs - last.atMs) < COUNTS_KEPT_MS;
  const counting = isRecent ? last.counts : readCounts(ports);
  if (!isRecent) kept.set(ports, { atMs: nowMs, counts: counting });
  const counts = await counting.catch((error: unknown) => {
    kept.delete(ports);
    throw error;
  });
  const lines = Object.entries({ ...counts, bus_connected: ports.bus.connected ? 1 : 0 }).map(
    ([name, value]) => `# TYPE claviger_${name} gauge\nclaviger_${name} ${String(value)}\n`,
  );
  return lines.join("") + renderRefusals(ports);
}

/** Of this process alone; the gauges are of all of them. */
function renderRefusals(ports: Ports): string {
  const name = "claviger_fleet_messages_refused_total";
  const lines = refusalsOf(ports).map(
    ({ courier, code, n }) => `${name}{courier="${courier}",code="${code}"} ${n}\n`,
  );
  return [`# TYPE ${name} counter\n`, ...lines].join("");
}

async function readCounts(ports: Ports): Promise<Counts | undefined> {
  const [counts] = await ports.db.execute<Counts>(sql`
    select
      (select count(*) from org_head) as organizations,
      (select coalesce(sum(rev), 0) from org_head) as revisions,
      (select count(*) from org_change where published_at is null) as unpublished,
      (select count(*) from barrier_op where done_at is null) as operations_open,
      (select count(*) from replica where gone_at is null) as replicas,
      (select count(*) from replica
        where gone_at is null and last_seen > clock_timestamp() - ${DOWN_AFTER_MS} * interval '1 millisecond') as replicas_up,
      (select coalesce(sum(seq), 0) from replica_cursor) as usage_events`);
  return counts;
}

/** Looks back on a run from outside: what was said, what was answered, what the provider has billed. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import postgres from "postgres";
import { verifyAudit } from "../cli/audit-verify.ts";
import { compareLedgers, readBill, readUsage } from "../e2e/proofs/ledgers.ts";
import type { Administrator } from "./administrator.ts";
import { type Load, PROMPT, type Shot } from "./load.ts";
import type { Place } from "./place.ts";

export interface Finding {
  readonly invariant: string;
  /** What was looked at, with figures. */
  readonly looked: string;
  readonly broken: readonly string[];
}

export interface Budgeted {
  readonly keyId: string;
  readonly limitNanos: bigint;
}

export interface Limited {
  readonly keyId: string;
  readonly perMinute: number;
}

export interface Run {
  readonly place: Place;
  readonly load: Load;
  readonly administrator: Administrator;
  /** Keys that are valid all the time. */
  readonly steady: readonly string[];
  readonly budgeted: Budgeted;
  readonly limited: Limited;
  readonly madeUp: string;
  readonly sinceMs: number;
  /** Whether everything was confirmed, counted and at head in time, and what was not. */
  readonly unhealed: readonly string[];
}

/** Everything that can be seen from outside, invariant by invariant. */
export async function judge(run: Run): Promise<Finding[]> {
  const sql = postgres(run.place.databaseUrl(), { max: 1, onnotice: () => undefined });
  try {
    return [
      ...judgeRestrictions(run),
      judgeSteady(run),
      ...(await judgeMoney(run, sql)),
      judgeRate(run),
      await judgeRefused(run),
      judgeMadeUp(run),
      judgeSecrets(run),
      judgeErrors(run.load.shots),
      await judgeNames(run, sql),
      await judgeAudit(run),
      {
        invariant: "I23",
        looked: "everybody at head, operations confirmed, outboxes empty, after the faults",
        broken: run.unhealed,
      },
      await judgePromotion(run, sql),
    ];
  } finally {
    await sql.end();
  }
}

/** A 200 that began after it was promised that there would be none. */
function judgeRestrictions({ load, administrator: { restrictions } }: Run): Finding[] {
  const byKey = new Map(restrictions.map((one) => [one.keyId, one]));
  const confirmed: string[] = [];
  const promised: string[] = [];
  let asked = 0;
  for (const { keyId, gateway, startedMs, status } of load.shots) {
    const told = byKey.get(keyId);
    if (told === undefined) continue;
    const sinceMs = told.doneMs ?? told.confirmedMs.get(gateway) ?? Number.POSITIVE_INFINITY;
    const earliestMs = Math.min(sinceMs, told.confirmedMs.get(gateway) ?? Number.POSITIVE_INFINITY);
    const byMs = told.refusesByMs.get(gateway) ?? Number.POSITIVE_INFINITY;
    if (startedMs > Math.min(earliestMs, byMs)) asked++;
    if (status !== 200) continue;
    if (startedMs > earliestMs)
      confirmed.push(
        `${gateway} served ${keyId} ${startedMs - earliestMs} ms after its ${told.how} was confirmed`,
      );
    if (startedMs > byMs) promised.push(`${gateway} served ${keyId} ${startedMs - byMs} ms after refusesBy`);
  }
  const done = restrictions.filter(({ doneMs }) => doneMs !== null).length;
  return [
    {
      invariant: "I1, I3, I6, I16, I22",
      looked: `${asked} requests with the secrets and tokens of ${restrictions.length} keys that were revoked, deactivated or deleted (${done} confirmed), begun after a gateway had confirmed`,
      broken: confirmed,
    },
    {
      invariant: "I2, I5, I7, I8",
      looked: "the same, begun after a gateway's `refusesBy`",
      broken: promised,
    },
  ];
}

function judgeSteady({ load, steady }: Run): Finding {
  const shots = load.shots.filter(({ keyId }) => steady.includes(keyId));
  const wrong = shots.filter(
    ({ status, code }) => ![0, 200, 503].includes(status) && code !== "provider_disconnected",
  );
  return {
    invariant: "no false 401",
    looked: `${shots.length} requests with keys that were valid all the time, ${shots.filter(({ status }) => status === 200).length} served`,
    broken: wrong.map(({ gateway, status, code }) => `${gateway} answered ${status} ${code}`),
  };
}

async function judgeMoney(
  { place, load, budgeted, steady, sinceMs }: Run,
  sql: postgres.Sql,
): Promise<Finding[]> {
  const answered = new Map(
    load.shots.flatMap(({ mark, requestId }) => (requestId === null ? [] : [[mark, requestId] as const])),
  );
  const broken: string[] = [];
  const sums: string[] = [];
  let attempts = 0;
  for (const keyId of [budgeted.keyId, ...steady]) {
    const billed = await readBill(place.stack.urls.sandbox, sinceMs, keyId);
    const rows = await readUsage(sql, keyId);
    attempts += billed.length;
    try {
      compareLedgers({ billed, rows, answered }, keyId === budgeted.keyId);
    } catch (error) {
      broken.push(`${keyId}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const bill = (await readBill(place.stack.urls.sandbox, sinceMs, budgeted.keyId)).reduce(
    (sum, { nanos }) => sum + nanos,
    0n,
  );
  const over =
    bill > budgeted.limitNanos
      ? [`${bill} nano-dollars were billed, the limit is ${budgeted.limitNanos}`]
      : [];
  const [row] = await sql<{ spent: string; slices: string; events: string }[]>`
    select p.spent_n::text as spent,
      (select coalesce(sum(s.spent_n), 0)::text from slice s where s.budget_id = p.budget_id) as slices,
      (select coalesce(sum(e.cost_n), 0)::text from usage_event e where e.key_id = k.id and e.kind = 'settled') as events
    from budget_period p join api_key k on k.budget_id = p.budget_id where k.id = ${budgeted.keyId}`;
  if (row === undefined || row.spent !== row.events || row.spent !== row.slices)
    sums.push(`budget ${row?.spent}, slices ${row?.slices}, events ${row?.events}`);
  return [
    {
      invariant: "I9, I10, I12",
      looked: `${bill} of ${budgeted.limitNanos} nano-dollars billed by the provider`,
      broken: over,
    },
    {
      invariant: "I13",
      looked: `${attempts} billed attempts against the control plane's events, one by one`,
      broken,
    },
    {
      invariant: "I14",
      looked: `budget ${row?.spent}, slices ${row?.slices}, events ${row?.events}`,
      broken: sums,
    },
  ];
}

/** Nothing that one bucket of that limit would not have admitted within any minute. */
function judgeRate({ load, limited: { keyId, perMinute } }: Run): Finding {
  const served = load.shots.filter((shot) => shot.keyId === keyId && shot.status === 200);
  const most = perMinute + Math.min(perMinute, Math.max(10, Math.ceil(perMinute / 6)));
  let worst = 0;
  for (const { startedMs } of served) {
    const within = served.filter(
      (other) => other.startedMs >= startedMs && other.finishedMs <= startedMs + 60_000,
    );
    worst = Math.max(worst, within.length);
  }
  return {
    invariant: "I15",
    looked: `a key of ${perMinute} per minute: ${served.length} served, at most ${worst} within a minute`,
    broken: worst > most ? [`${worst} within a minute, one bucket admits ${most}`] : [],
  };
}

async function judgeRefused({ place, load, administrator, sinceMs }: Run): Promise<Finding> {
  // What was under way when its key was taken away is ended with the same words, and had been forwarded.
  const taken = new Map(administrator.restrictions.map((one) => [one.keyId, one.confirmedMs]));
  const wasUnderWay = ({ keyId, gateway, startedMs }: Shot) =>
    startedMs <= (taken.get(keyId)?.get(gateway) ?? (taken.has(keyId) ? Number.POSITIVE_INFINITY : 0));
  const refused = load.shots.filter(
    (shot) => [401, 402, 403, 429].includes(shot.status) && !wasUnderWay(shot),
  );
  const marks = new Set((await readBill(place.stack.urls.sandbox, sinceMs, "")).map(({ mark }) => mark));
  const billed = refused.filter(({ mark }) => marks.has(mark));
  return {
    invariant: "I11",
    looked: `${refused.length} refused requests in the provider's ledger`,
    broken: billed.map(
      ({ gateway, status, code }) => `${gateway} answered ${status} ${code}, and the provider billed it`,
    ),
  };
}

function judgeMadeUp({ load, madeUp }: Run): Finding {
  const shots = load.shots.filter(({ keyId }) => keyId === madeUp);
  return {
    invariant: "I17",
    looked: `${shots.length} requests with a well-formed secret of no key of this organization`,
    broken: shots.filter(({ status }) => status === 200).map(({ gateway }) => `${gateway} served it`),
  };
}

/** Logs, the bus's files, the gateways' files and both databases. */
function judgeSecrets({ place, administrator: { secrets } }: Run): Finding {
  const patterns = [...secrets.slice(-200), PROMPT].flatMap((secret) => ["-e", secret]);
  const folders = ["logs", "nats", "nats-2", "nats-3", "gateways", "postgres", "standby"];
  const { stdout } = spawnSync("grep", ["-rlaF", ...patterns, ...folders], {
    cwd: place.stack.home,
    encoding: "utf8",
  });
  return {
    invariant: "I18",
    looked: `${secrets.length} secrets and a prompt in logs, files of the bus, of the gateways and of both databases`,
    broken: stdout.split("\n").filter((line) => line !== ""),
  };
}

function judgeErrors(shots: readonly Shot[]): Finding {
  const errors = shots.filter(({ status }) => status !== 0 && status !== 200);
  return {
    invariant: "I19, I26",
    looked: `${errors.length} errors: their parts, their request id, nothing of ours inside`,
    broken: errors.flatMap(({ flaw, gateway }) => (flaw === null ? [] : [`${gateway}: ${flaw}`])),
  };
}

async function judgeNames({ administrator: { names } }: Run, sql: postgres.Sql): Promise<Finding> {
  const rows = await sql<{ name: string; n: number }[]>`
    select name, count(*)::int as n from api_key where name like 'fault %' group by name`;
  const counts = new Map(rows.map(({ name, n }) => [name, n]));
  const wrong = names.filter((name) => counts.get(name) !== 1);
  return {
    invariant: "I20",
    looked: `${names.length} keys, each asked for until there was an answer, under one Idempotency-Key`,
    broken: wrong.map((name) => `“${name}” is there ${counts.get(name) ?? 0} times`),
  };
}

async function judgeAudit({ place }: Run): Promise<Finding> {
  const broken: string[] = [];
  const lines: string[] = [];
  for (const name of place.names) {
    const home = join(place.stack.home, "gateways", name);
    const env = { CLAVIGER_GATEWAY_MASTER_KEY: place.masterKeys[name] ?? "" };
    try {
      await verifyAudit({ home }, { env, out: (line) => lines.push(`${name}: ${line}`) });
    } catch (error) {
      broken.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const links = lines.map((line) => Number(/(\d+) links/.exec(line)?.[1] ?? 0)).reduce((a, b) => a + b, 0);
  return {
    invariant: "I21",
    looked: `${links} links of ${place.names.length} gateways' audit chains`,
    broken,
  };
}

/** What was confirmed stands in the database that serves now, and revisions have no gap. */
async function judgePromotion(
  { place, administrator: { restrictions } }: Run,
  sql: postgres.Sql,
): Promise<Finding> {
  const done = restrictions.filter(({ doneMs }) => doneMs !== null);
  const rows = await sql<{ id: string; status: string }[]>`
    select id, record->>'status' as status from org_record where kind = 'key'`;
  const status = new Map(rows.map(({ id, status: now }) => [id, now]));
  const lost = done.filter(({ keyId }) => (status.get(keyId) ?? "active") === "active");
  const [gaps] = await sql<{ n: number }[]>`
    select (max(rev) - min(rev) + 1 - count(distinct rev))::int as n from org_change
    where org_id = ${place.credentials.organizationId}`;
  const broken = lost.map(
    ({ keyId, how }) => `${keyId} was confirmed (${how}) and is ${status.get(keyId) ?? "unknown"}`,
  );
  if (gaps?.n !== 0) broken.push(`${gaps?.n} revisions are missing`);
  return {
    invariant: "I4, I25",
    looked: `${done.length} confirmed changes in the ${place.promoted ? "promoted" : "same"} database, revisions without a gap`,
    broken,
  };
}

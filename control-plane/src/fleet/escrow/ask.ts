/**
 * Money for a replica that asks (PROTOCOL §2.8, "Issue"). The bargain: one question gets one slice, however often and
 * over whatever courier it is asked, and what is issued is free under the lock of its window.
 */
import type { BudgetRow, SliceRow } from "@claviger/shared/escrow/budget-row";
import { type Issued, issue } from "@claviger/shared/escrow/issue";
import { recallFor } from "@claviger/shared/escrow/recall";
import { type Period, type PeriodWindow, windowOf } from "@claviger/shared/money/period";
import { maySpeakAfter } from "@claviger/shared/sync/boot";
import type { Ask, AskAnswer } from "@claviger/shared/wire/escrow";
import { controlSubjects, POKE } from "@claviger/shared/wire/subjects";
import { sql } from "drizzle-orm";
import { newId } from "../../db/new-id.ts";
import type { Ports } from "../../ports.ts";
import { knownPast, onKnownPast, UnknownPast } from "../epochs.ts";
import type { Tx } from "../journal.ts";
import { accountOf, type Sender } from "../senders.ts";
import { noteAsker, spendingOf } from "./demand.ts";
import { isFrozen } from "./frozen.ts";
import { signSlice } from "./sign-slice.ts";
import { insertSlices, markRecalled, readSlices } from "./slices.ts";
import { ensureWindows, keyOf, lockWindows, writeWindows } from "./windows.ts";

/** Nothing is counted on from a replica that was not heard of for so long, in seconds. */
const SILENT_SECONDS = 30;

interface Outcome {
  readonly answer: AskAnswer | null;
  /** Replicas that have something to give back. */
  readonly recalled: readonly string[];
}

/** Answers one question; null for a process that does not speak for its replica any more, or a replica that is nobody. */
export async function answerAsk(ports: Ports, sender: Sender, ask: Ask): Promise<AskAnswer | null> {
  const { answer, recalled } = await inLine(ports, `${sender.orgId} ${ask.budget}`, () =>
    onKnownPast(ports, () => ports.db.transaction((tx) => decide(tx, ports, sender, ask))),
  );
  if (recalled.length > 0) await poke(ports, sender.orgId, recalled);
  return answer;
}

/** Who is the last in each line, by process. */
const lines = new WeakMap<object, Map<string, Promise<unknown>>>();

/**
 * Questions for one budget are decided one after the other, and wait for that here: waiting for the lock of their window
 * they would take every connection there is, and what has to come in before money comes back could not come in.
 */
async function inLine<T>({ db }: Pick<Ports, "db">, name: string, work: () => Promise<T>): Promise<T> {
  const line = lines.get(db) ?? new Map<string, Promise<unknown>>();
  lines.set(db, line);
  const before = line.get(name) ?? Promise.resolve();
  const mine = before.then(work, work);
  line.set(name, mine);
  try {
    return await mine;
  } finally {
    if (line.get(name) === mine) line.delete(name);
  }
}

interface Asked extends Record<string, unknown> {
  boot: string | null;
  frozen: boolean;
  known: boolean;
  now_ms: number;
  limit_n: string | null;
  period: Period | null;
}

async function decide(tx: Tx, ports: Ports, { orgId, replicaId }: Sender, ask: Ask): Promise<Outcome> {
  const [asked] = await tx.execute<Asked>(sql`
    select r.boot_id as boot, ${isFrozen(orgId)} as frozen, ${knownPast} as known, b.limit_n, b.period,
      extract(epoch from clock_timestamp())::float8 * 1000 as now_ms
    from replica r left join budget b on b.id = ${ask.budget} and b.org_id = r.org_id
    where r.id = ${replicaId} and r.org_id = ${orgId} and r.gone_at is null`);
  if (asked === undefined || !maySpeakAfter(ask.boot, asked.boot)) return { answer: null, recalled: [] };
  if (!asked.known) throw new UnknownPast();
  // Taken away, and the asker has yet to hear of it.
  if (asked.period === null || asked.limit_n === null) return denied("no_headroom", 0n, 0n);
  const window = windowOf(asked.period, Math.floor(asked.now_ms));
  const key = { budget: ask.budget, startMs: window.startMs };
  const [, rows, given, spending] = await Promise.all([
    ensureWindows(tx, orgId, [{ ...key, endMs: window.endMs, limit: BigInt(asked.limit_n) }]),
    lockWindows(tx, orgId, [key]),
    readSlices(tx, orgId, { replicas: [replicaId], reqs: [ask.req], closed: true }),
    spendingOf(tx, replicaId, [ask.budget]),
  ]);
  const row = rows.get(keyOf(key));
  const { replicas, demand } = spending.get(ask.budget) ?? { replicas: 1, demand: 0n };
  if (row === undefined) throw new Error(`window ${keyOf(key)} is not there`);
  const result = issue({
    ...{ row, given: given[0], replica: replicaId, id: newId(ports.random, "slc") },
    ask: amountsOf(ask),
    ...{ demand, replicas, frozen: asked.frozen },
  });
  if (result.kind === "again") return { answer: { slice: given[0]?.jws ?? "" }, recalled: [] };
  if (result.kind === "issued") return give(tx, ports, orgId, result, window);
  const recalled =
    result.code === "no_headroom" && ask.ahead !== true ? await recall(tx, orgId, row, replicaId, ask) : [];
  return denied(result.code, result.spent, result.limit, recalled);
}

function amountsOf({ req, boot, min, bound, want, ahead }: Ask) {
  const amounts = { req, boot, min: BigInt(min), bound: BigInt(bound), want: BigInt(want) };
  return ahead === true ? { ...amounts, ahead } : amounts;
}

async function give(
  tx: Tx,
  ports: Ports,
  orgId: string,
  { row, slice }: Extract<Issued, { kind: "issued" }>,
  { endMs }: PeriodWindow,
): Promise<Outcome> {
  const jws = await signSlice(ports, orgId, slice, endMs);
  await Promise.all([
    insertSlices(tx, orgId, [{ ...slice, jws }]),
    writeWindows(tx, [row]),
    noteAsker(tx, slice.budget, slice.replica),
  ]);
  return { answer: { slice: jws }, recalled: [] };
}

function denied(
  code: "exhausted" | "no_headroom",
  spent: bigint,
  limit: bigint,
  recalled: readonly string[] = [],
): Outcome {
  return { answer: { denied: code, spent: spent.toString(), limit: limit.toString() }, recalled };
}

/** Asks money back from others; returns whose slices were not asked for before. */
async function recall(tx: Tx, orgId: string, row: BudgetRow, asker: string, { min }: Ask): Promise<string[]> {
  const [slices, silent] = await Promise.all([
    readSlices(tx, orgId, { window: row }),
    tx.execute<{ id: string }>(sql`
      select id from replica where org_id = ${orgId} and (gone_at is not null
        or coalesce(last_seen, enrolled_at) < clock_timestamp() - ${SILENT_SECONDS} * interval '1 second')`),
  ]);
  const wanted = new Set(recallFor(slices, asker, BigInt(min), new Set(silent.map(({ id }) => id))));
  const fresh = slices.filter((one: SliceRow & { recalled: boolean }) => wanted.has(one.id) && !one.recalled);
  await markRecalled(
    tx,
    fresh.map(({ id }) => id),
  );
  return [...new Set(fresh.map(({ replica }) => replica))];
}

/** Whoever is asked to give back is told by the answer to its next heartbeat, and this is why it sends one now. */
async function poke(ports: Ports, orgId: string, replicas: readonly string[]): Promise<void> {
  const account = await accountOf(ports, orgId);
  if (account !== undefined && ports.bus.connected) {
    for (const replica of replicas) ports.bus.publish(controlSubjects.own(account, replica), POKE);
  }
  // Over HTTPS each of the organization's waiting replicas looks whether there is anything for it.
  await ports.db.execute(sql`select pg_notify('change', ${orgId})`);
}

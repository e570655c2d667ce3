/** Slices for the window that comes next, near the end of this one (PROTOCOL §2.8, "Issue"). */
import type { BudgetRow } from "@claviger/shared/escrow/budget-row";
import { issueAhead } from "@claviger/shared/escrow/issue";
import { issuesAheadFromMs, windowAfter } from "@claviger/shared/money/period";
import { sql } from "drizzle-orm";
import { newId } from "../../db/new-id.ts";
import type { Ports } from "../../ports.ts";
import type { Tx } from "../journal.ts";
import { spendingOf } from "./demand.ts";
import type { KnownBudget } from "./figures.ts";
import { isFrozen } from "./frozen.ts";
import type { EscrowBeat } from "./holdings.ts";
import { signSlice } from "./sign-slice.ts";
import { insertSlices, readSlices } from "./slices.ts";
import { keyOf, type NewWindow, writeWindows } from "./windows.ts";

/** A process is given no more slices of a window before it begins, however its spending grows. */
const SLICES_MAX = 8;

/** A slice that a process is to get of a window before it begins: of what it wants to hold, so much is missing. */
export interface Due extends NewWindow {
  readonly replicaId: string;
  readonly boot: string;
  readonly req: string;
  readonly missing: bigint;
}

/**
 * What these heartbeats lack: at most one for each budget that is spent from there, process and window; another one when
 * spending there has more than doubled since, because a key that was busy for a minute tells little of its day.
 */
export async function dueOf(
  tx: Tx,
  orgId: string,
  beats: readonly EscrowBeat[],
  budgets: ReadonlyMap<string, KnownBudget>,
  nowMs: number,
): Promise<Due[]> {
  const spending = beats.flatMap(({ replicaId, boot, report, isPartial }) => {
    // It could not be told from what is held and not named, and so would not arrive.
    if (isPartial) return [];
    const holds = new Map(report.demand.map(({ budget, hold }) => [budget, BigInt(hold)]));
    return [...holds].flatMap(([id, hold]) => {
      const next = hold === 0n ? undefined : nextOf(budgets.get(id), nowMs);
      return next === undefined ? [] : [{ ...next, replicaId, boot, hold }];
    });
  });
  if (spending.length === 0) return [];
  const given = await givenTo(tx, orgId, spending);
  const due = spending.flatMap(({ hold, ...one }): Due[] => {
    const { count, amount } = given.get(nameOf(one)) ?? { count: 0, amount: 0n };
    if (count > 0 && (count >= SLICES_MAX || hold <= 2n * amount)) return [];
    return [{ ...one, req: reqOf(nameOf(one), count), missing: hold - amount }];
  });
  return [...new Map(due.map((one) => [one.req, one])).values()];
}

function nameOf(one: { replicaId: string; boot: string; budget: string; startMs: number }): string {
  return `ahead.${one.replicaId}.${one.boot}.${one.budget}.${one.startMs}`;
}

/** The window after the one that now is in, near its end. */
function nextOf(budget: KnownBudget | undefined, nowMs: number): NewWindow | undefined {
  if (budget === undefined) return undefined;
  const { id, period, limit, window } = budget;
  const next = windowAfter(period, window);
  const fromMs = issuesAheadFromMs(window);
  if (next === null || fromMs === null || nowMs < fromMs) return undefined;
  return { budget: id, limit, ...next };
}

function reqOf(name: string, nth: number): string {
  return nth === 0 ? name : `${name}.${nth}`;
}

interface Given {
  /** Closed ones as well. */
  readonly count: number;
  /** Of those that it still has. */
  readonly amount: bigint;
}

/** What these processes were given of these windows before, by the name of the first. */
async function givenTo(
  tx: Tx,
  orgId: string,
  of: readonly { replicaId: string; boot: string; budget: string; startMs: number }[],
): Promise<Map<string, Given>> {
  const names = of.flatMap(({ replicaId, ...one }) => {
    const name = nameOf({ replicaId, ...one });
    return Array.from({ length: SLICES_MAX }, (_, nth) => ({
      name,
      replica: replicaId,
      req: reqOf(name, nth),
    }));
  });
  const rows = await tx.execute<{ name: string; n: number; amount: string }>(sql`
    select w.name, count(*)::int as n,
      coalesce(sum(s.amount_n) filter (where s.state = 'open'), 0)::text as amount
    from jsonb_to_recordset(${JSON.stringify(names)}::jsonb) as w (name text, replica text, req text)
    join slice s on s.replica_id = w.replica and s.req = w.req and s.org_id = ${orgId}
    group by w.name`);
  return new Map(rows.map(({ name, n, amount }) => [name, { count: n, amount: BigInt(amount) }]));
}

/** Issues what is due; `locked` has the windows. It is told as what its replica does not name yet. */
export async function issueForNext(
  tx: Tx,
  ports: Ports,
  orgId: string,
  due: readonly Due[],
  locked: Map<string, BudgetRow>,
): Promise<void> {
  if (due.length === 0) return;
  const [state] = await tx.execute<{ frozen: boolean }>(sql`select ${isFrozen(orgId)} as frozen`);
  const replicas = [...new Set(due.map(({ replicaId }) => replicaId))];
  const reqs = due.map(({ req }) => req);
  const given = new Set(
    (await readSlices(tx, orgId, { replicas, reqs, closed: true })).map(({ req }) => req),
  );
  for (const one of due.filter(({ req }) => !given.has(req))) {
    const row = locked.get(keyOf(one));
    if (row === undefined) continue;
    const spending = (await spendingOf(tx, one.replicaId, [one.budget])).get(one.budget);
    const issued = issueAhead({
      ...{ row, given: undefined, ask: one, replica: one.replicaId, id: newId(ports.random, "slc") },
      ...{ demand: one.missing, replicas: spending?.replicas ?? 1 },
      frozen: state?.frozen ?? true,
    });
    if (issued.kind !== "issued") continue;
    const jws = await signSlice(ports, orgId, issued.slice, one.endMs);
    locked.set(keyOf(one), issued.row);
    await insertSlices(tx, orgId, [{ ...issued.slice, jws }]);
    await writeWindows(tx, [issued.row]);
  }
}

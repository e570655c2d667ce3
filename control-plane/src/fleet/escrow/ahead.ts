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

/** The first slice that a process gets of a window before it begins. */
export interface Due extends NewWindow {
  readonly replicaId: string;
  readonly boot: string;
  readonly req: string;
}

/** What these heartbeats lack: at most one for each budget that is spent from there, process and window. */
export async function dueOf(
  tx: Tx,
  orgId: string,
  beats: readonly EscrowBeat[],
  budgets: ReadonlyMap<string, KnownBudget>,
  nowMs: number,
): Promise<Due[]> {
  const due = beats.flatMap(({ replicaId, boot, report, isPartial }) => {
    // It could not be told from what is held and not named, and so would not arrive.
    if (isPartial) return [];
    const spends = new Set(report.demand.flatMap(({ budget, hold }) => (hold === "0" ? [] : [budget])));
    return [...spends].flatMap((id): Due[] => {
      const next = nextOf(budgets.get(id), nowMs);
      if (next === undefined) return [];
      return [{ ...next, replicaId, boot, req: `ahead.${replicaId}.${boot}.${id}.${next.startMs}` }];
    });
  });
  if (due.length === 0) return [];
  const given = await givenOf(tx, orgId, due);
  return [...new Map(due.map((one) => [one.req, one])).values()].filter(({ req }) => !given.has(req));
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

async function givenOf(tx: Tx, orgId: string, due: readonly Due[]): Promise<Set<string>> {
  const replicas = [...new Set(due.map(({ replicaId }) => replicaId))];
  const slices = await readSlices(tx, orgId, { replicas, reqs: due.map(({ req }) => req), closed: true });
  return new Set(slices.map(({ req }) => req));
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
  const given = await givenOf(tx, orgId, due);
  for (const one of due.filter(({ req }) => !given.has(req))) {
    const row = locked.get(keyOf(one));
    if (row === undefined) continue;
    const spending = (await spendingOf(tx, one.replicaId, [one.budget])).get(one.budget);
    const issued = issueAhead({
      ...{ row, given: undefined, ask: one, replica: one.replicaId, id: newId(ports.random, "slc") },
      ...(spending ?? { demand: 0n, replicas: 1 }),
      frozen: state?.frozen ?? true,
    });
    if (issued.kind !== "issued") continue;
    const jws = await signSlice(ports, orgId, issued.slice, one.endMs);
    locked.set(keyOf(one), issued.row);
    await insertSlices(tx, orgId, [{ ...issued.slice, jws }]);
    await writeWindows(tx, [issued.row]);
  }
}

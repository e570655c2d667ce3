/**
 * What heartbeats say of slices (PROTOCOL §2.8, "Return"). The bargain: money comes back on the word of the replica that
 * holds it, with every event counted that it had when it spoke (M15); its cursor was read in this transaction.
 *
 * Most heartbeats move nothing, so it is looked first and locked only where something would move; what another process
 * has moved in between is decided again under the lock.
 */
import type { BudgetRow, Ledger } from "@claviger/shared/escrow/budget-row";
import { charge, type Report, reconcile } from "@claviger/shared/escrow/settle-slices";
import type { Holding } from "@claviger/shared/escrow/slice";
import {
  type EscrowAnswer,
  type EscrowReport,
  SHOW_MAX,
  type Holding as WireHolding,
} from "@claviger/shared/wire/escrow";
import type { Ports } from "../../ports.ts";
import type { Tx } from "../journal.ts";
import { type Due, dueOf, issueForNext } from "./ahead.ts";
import { Books } from "./books.ts";
import { noteDemand } from "./demand.ts";
import { figuresOf, readBudgets } from "./figures.ts";
import { recallsOf } from "./recalls.ts";
import { reinsertShown, type Shown, shownBy, windowsOf } from "./show.ts";
import { readSlices, type StoredSlice } from "./slices.ts";
import { ensureWindows, keyOf, lockWindows, type NewWindow, readWindows, type WindowKey } from "./windows.ts";

/** One heartbeat's part. */
export interface EscrowBeat {
  readonly replicaId: string;
  readonly boot: string;
  readonly report: EscrowReport;
  /** It holds slices that it does not name. */
  readonly isPartial: boolean;
  /** Of the replica's usage, read in this transaction. */
  readonly cursor: number;
}

/** Slices that one answer brings again, at most. */
const SLICES_MAX = 100;

/** Settles what the heartbeats say, and answers each, in their order. The caller has the locks of the replicas' rows. */
export async function settleHoldings(
  tx: Tx,
  ports: Ports,
  orgId: string,
  beats: readonly EscrowBeat[],
  nowMs: number,
): Promise<EscrowAnswer[]> {
  if (beats.length === 0) return [];
  const look = await settleSome(tx, orgId, beats, new Map());
  const budgets = await readBudgets(tx, orgId, beats, nowMs);
  const shown = await shownBy(ports, orgId, beats, look.books);
  const due = await dueOf(tx, orgId, beats, budgets, nowMs);
  const made = [...(await windowsOf(tx, orgId, shown)), ...due];
  const touched: WindowKey[] = [...made, ...look.moving.values()];
  const { books, told } =
    touched.length === 0 ? look : await settleLocked(tx, ports, orgId, beats, { touched, made, shown, due });
  const answers: EscrowAnswer[] = [];
  for (const [index, beat] of beats.entries()) {
    await noteDemand(tx, orgId, beat.replicaId, beat.report.demand);
    const said = told[index] ?? { closed: [], resend: [] };
    answers.push({
      slices: said.resend.slice(0, SLICES_MAX).map(({ jws }) => jws),
      recall: recallsOf(beat, books),
      closed: said.closed,
      show: unknownTo(beat, books),
      budgets: await figuresOf(tx, orgId, beat, budgets),
    });
  }
  return answers;
}

interface Touched {
  /** Every window that may move. */
  readonly touched: readonly WindowKey[];
  /** Those of them that may not be there yet. */
  readonly made: readonly NewWindow[];
  readonly shown: readonly Shown[];
  readonly due: readonly Due[];
}

/** All locks are taken at once, in their order. */
async function settleLocked(
  tx: Tx,
  ports: Ports,
  orgId: string,
  beats: readonly EscrowBeat[],
  { touched, made, shown, due }: Touched,
): Promise<Settled> {
  await ensureWindows(tx, orgId, made);
  const locked = await lockWindows(tx, orgId, touched);
  await reinsertShown(tx, orgId, shown, locked);
  await issueForNext(tx, ports, orgId, due, locked);
  return settleSome(tx, orgId, beats, locked);
}

interface Told {
  readonly closed: string[];
  readonly resend: StoredSlice[];
}

interface Settled {
  readonly books: Books;
  readonly told: readonly Told[];
  /** Windows that would move and are not locked. */
  readonly moving: ReadonlyMap<string, WindowKey>;
}

interface Told {
  readonly closed: string[];
  readonly resend: StoredSlice[];
}

/** Moves nothing but in windows that are locked, and says where else something would. */
async function settleSome(
  tx: Tx,
  orgId: string,
  beats: readonly EscrowBeat[],
  locked: ReadonlyMap<string, BudgetRow>,
): Promise<Settled> {
  const slices = await slicesOf(tx, orgId, beats);
  const windows = await readWindows(tx, orgId, [...new Set(slices.map(({ budget }) => budget))]);
  for (const [key, row] of locked) windows.set(key, row);
  const books = new Books(windows, slices);
  const moving = new Map<string, WindowKey>();
  const told = beats.map((beat) => settleBeat(books, beat, locked, moving));
  await books.write(tx);
  return { books, told, moving };
}

function settleBeat(
  books: Books,
  beat: EscrowBeat,
  locked: ReadonlyMap<string, BudgetRow>,
  moving: Map<string, WindowKey>,
): Told {
  const held = new Map(beat.report.holding.map((one) => [one.slice, holdingOf(one)]));
  const { boot, cursor, isPartial } = beat;
  const report: Report = { boot, lastSeq: beat.report.lastSeq, cursor, isPartial };
  const told: Told = { closed: [], resend: [] };
  for (const { id, replica } of books.slices.values()) {
    const ledger = books.ledger(id);
    if (replica !== beat.replicaId || ledger === undefined) continue;
    const isLocked = locked.has(keyOf(ledger.row));
    const holding = held.get(id);
    const result = reconcile(
      withLost(isLocked ? ledger : anyWindow(ledger), holding, report),
      holding,
      report,
    );
    if (!isLocked && books.moves(result.slice)) {
      moving.set(keyOf(ledger.row), ledger.row);
      continue;
    }
    if (isLocked) books.put(result);
    if (result.told === "closed") told.closed.push(id);
    if (result.told === "resend") told.resend.push(ledger.slice);
  }
  return told;
}

/** Events that nobody has any more (`usage_gap`) were spent all the same, and only their slice says so. */
function withLost(ledger: Ledger, holding: Holding | undefined, { cursor }: Report): Ledger {
  const lost = holding === undefined ? 0n : holding.spent - ledger.slice.spent;
  if (holding === undefined || lost <= 0n || cursor < holding.lastSeq) return ledger;
  return charge(ledger, lost, 0n);
}

/** Slice and window were read one after the other and without a lock, so they need not add up: only the slice is looked at. */
function anyWindow({ row, slice }: Ledger): Ledger {
  return { row: { ...row, open: slice.issued, spent: slice.issued, shrinking: true }, slice };
}

/** The replicas' open slices, and the closed ones that they still name. */
async function slicesOf(tx: Tx, orgId: string, beats: readonly EscrowBeat[]): Promise<StoredSlice[]> {
  const replicas = [...new Set(beats.map(({ replicaId }) => replicaId))];
  const ids = [...new Set(beats.flatMap(({ report }) => report.holding.map(({ slice }) => slice)))];
  const [open, named] = await Promise.all([
    readSlices(tx, orgId, { replicas }),
    ids.length === 0 ? [] : readSlices(tx, orgId, { replicas, ids, closed: true }),
  ]);
  return [...new Map([...open, ...named].map((one) => [one.id, one])).values()];
}

/** The first of them; while there are any, more come with each heartbeat. */
function unknownTo({ report }: EscrowBeat, books: Books): string[] {
  const unknown = report.holding.map(({ slice }) => slice).filter((id) => !books.slices.has(id));
  return unknown.slice(0, SHOW_MAX);
}

function holdingOf({ slice, amount, spent, reserved, lastSeq }: WireHolding): Holding {
  return { slice, lastSeq, amount: BigInt(amount), spent: BigInt(spent), reserved: BigInt(reserved) };
}

/**
 * The control plane as far as money goes: the real ledger over rows, transactions that take time, and a process that may
 * end between a commit and its answer.
 */
import {
  type BudgetRow,
  emptyWindow,
  type Ledger,
  limited,
  type SliceRow,
} from "@claviger/shared/escrow/budget-row";
import { issue, issueAhead } from "@claviger/shared/escrow/issue";
import { following } from "@claviger/shared/escrow/outbox";
import { recallAll, recallFor } from "@claviger/shared/escrow/recall";
import { charge, reconcile, writeOff } from "@claviger/shared/escrow/settle-slices";
import type { Ask, Charge, Denial, Holding, Slice } from "@claviger/shared/escrow/slice";
import { issuesAheadFromMs, type PeriodWindow } from "@claviger/shared/money/period";
import { maySpeakAfter } from "@claviger/shared/sync/boot";
import type { World } from "../world.ts";

/** A usage event; `attempt` is what the oracle knows it by. */
export interface Event {
  readonly seq: number;
  readonly attempt: string | null;
  readonly charges: readonly Charge[];
  readonly overrun: bigint;
}

export interface Beat {
  readonly replica: string;
  readonly boot: string;
  readonly lastSeq: number;
  readonly holdings: readonly Holding[];
  /** It holds slices that it does not name. */
  readonly isPartial: boolean;
}

export interface Fresh {
  readonly boot: string;
  readonly cursor: number;
  readonly closed: readonly string[];
  readonly slices: readonly Slice[];
  readonly recall: readonly string[];
}

export type Answer =
  | { readonly slice: Slice }
  | { readonly req: string; readonly code: Denial; readonly spent: bigint; readonly limit: bigint };

export interface Budget {
  readonly id: string;
  limit: bigint;
  /** Length of its windows; null: one for ever. */
  readonly windowMs: number | null;
}

/** Is told of every commit, before anybody else can be. */
export interface Auditor {
  committed(): void;
  excess(slice: SliceRow, nanos: bigint): void;
}

/** Nothing was heard of a replica for so long. */
const SILENT_MS = 4_000;

export class Bank {
  up = true;
  readonly budgets: Map<string, Budget>;
  readonly rows = new Map<string, BudgetRow>();
  readonly slices = new Map<string, SliceRow>();
  readonly events = new Map<string, Event[]>();
  readonly cursors = new Map<string, number>();
  readonly #world: World;
  readonly #auditor: Auditor;
  readonly #replicas: readonly string[];
  readonly #signed = new Map<string, Slice>();
  readonly #byReq = new Map<string, string>();
  readonly #boots = new Map<string, string>();
  readonly #heardMs = new Map<string, number>();
  readonly #recalled = new Map<string, Set<string>>();
  #incarnation = 0;

  constructor(world: World, budgets: readonly Budget[], replicas: readonly string[], auditor: Auditor) {
    this.#world = world;
    this.budgets = new Map(budgets.map((one) => [one.id, one]));
    this.#replicas = replicas;
    this.#auditor = auditor;
  }

  crash(forMs: number): void {
    if (!this.up) return;
    this.up = false;
    this.#incarnation++;
    this.#world.after(forMs, () => {
      this.up = true;
    });
  }

  ask(replica: string, ask: Ask, answer: (said: Answer) => void): void {
    this.#transaction(() => {
      if (!this.#listens(replica, ask.boot)) return () => {};
      const row = this.#rowAt(ask.budget, this.#world.nowMs);
      const given = this.#given(ask.req);
      const result = issue({
        ...{ row, given, ask, replica, id: `s${this.slices.size + 1}` },
        demand: BigInt(Math.floor(this.#world.between(0, 2_500))),
        replicas: this.#replicas.length,
        frozen: false,
      });
      if (result.kind === "denied") {
        if (result.code === "no_headroom") this.#recall(row, replica, ask.min);
        const { code, spent, limit } = result;
        return () => answer({ req: ask.req, code, spent, limit });
      }
      const slice = result.kind === "issued" ? this.#issued(result, row.endMs) : this.#slip(result.slice.id);
      return () => answer({ slice });
    });
  }

  heartbeat(beat: Beat, answer: (fresh: Fresh) => void): void {
    this.#transaction(() => {
      const { replica, boot, isPartial } = beat;
      if (!this.#listens(replica, boot)) return () => {};
      const cursor = this.cursors.get(replica) ?? 0;
      const held = new Map(beat.holdings.map((one) => [one.slice, one]));
      const closed: string[] = [];
      const slices: Slice[] = [];
      for (const slice of [...this.slices.values()].filter((one) => one.replica === replica)) {
        const ledger = { row: this.#rowOf(slice), slice };
        const result = reconcile(ledger, held.get(slice.id), {
          boot,
          lastSeq: beat.lastSeq,
          cursor,
          isPartial,
        });
        this.#put(result);
        if (result.told === "closed") closed.push(slice.id);
        if (result.told === "resend") slices.push(this.#slip(slice.id));
      }
      if (!isPartial) slices.push(...this.#ahead(replica, boot));
      const recall = [...(this.#recalled.get(replica) ?? []), ...this.#shrinking(replica)];
      this.#recalled.delete(replica);
      return () => answer({ boot, cursor, closed, slices, recall });
    });
  }

  usage(replica: string, events: readonly Event[], answer: (cursor: number) => void): void {
    this.#transaction(() => {
      const held = this.cursors.get(replica) ?? 0;
      const next = following(held, events);
      for (const event of next) this.#take(replica, event);
      const cursor = next.at(-1)?.seq ?? held;
      this.cursors.set(replica, cursor);
      return () => answer(cursor);
    });
  }

  /** The day is over after which a silent gateway counts as lost. */
  writeOff(replica: string): void {
    this.#transaction(() => {
      for (const slice of [...this.slices.values()].filter((one) => one.replica === replica)) {
        this.#put(writeOff({ row: this.#rowOf(slice), slice }));
      }
      return () => {};
    });
  }

  /** An administrator sets another limit. */
  edit(budget: string, limit: bigint): void {
    this.#transaction(() => {
      const one = this.budgets.get(budget);
      if (one !== undefined) one.limit = limit;
      for (const [key, row] of this.rows) if (row.budget === budget) this.rows.set(key, limited(row, limit));
      return () => {};
    });
  }

  /** The window that an instant is in. */
  windowOf(budget: string, atMs: number): PeriodWindow {
    const windowMs = this.budgets.get(budget)?.windowMs ?? null;
    if (windowMs === null) return { startMs: 0, endMs: null };
    const startMs = Math.floor(atMs / windowMs) * windowMs;
    return { startMs, endMs: startMs + windowMs };
  }

  /** Takes time, commits at one moment, and answers later unless the process has ended in between. */
  #transaction(run: () => () => void): void {
    if (!this.up) return;
    const incarnation = this.#incarnation;
    this.#world.after(this.#world.between(1, 30), () => {
      if (incarnation !== this.#incarnation) return;
      const answer = run();
      this.#auditor.committed();
      this.#world.after(this.#world.between(0, 20), () => {
        if (incarnation === this.#incarnation) answer();
      });
    });
  }

  #listens(replica: string, boot: string): boolean {
    if (!maySpeakAfter(boot, this.#boots.get(replica) ?? null)) return false;
    this.#boots.set(replica, boot);
    this.#heardMs.set(replica, this.#world.nowMs);
    return true;
  }

  #given(req: string): SliceRow | undefined {
    const id = this.#byReq.get(req);
    return id === undefined ? undefined : this.slices.get(id);
  }

  #issued(ledger: Ledger, endMs: number | null): Slice {
    const { id, req, budget, replica, boot, amount, startMs } = ledger.slice;
    if (this.#byReq.has(req)) throw new Error(`unique: two slices for ${req}`);
    this.#byReq.set(req, id);
    this.#put(ledger);
    const slice = { id, req, budget, replica, boot, amount, startMs, endMs };
    this.#signed.set(id, slice);
    return slice;
  }

  #slip(id: string): Slice {
    const slice = this.#signed.get(id);
    if (slice === undefined) throw new Error(`nobody ever signed ${id}`);
    return slice;
  }

  #ahead(replica: string, boot: string): Slice[] {
    return [...this.budgets.values()].flatMap(({ id: budget }) => {
      const now = this.windowOf(budget, this.#world.nowMs);
      const fromMs = issuesAheadFromMs(now);
      if (fromMs === null || now.endMs === null || this.#world.nowMs < fromMs) return [];
      const row = this.#rowAt(budget, now.endMs);
      const req = `ahead.${replica}.${boot}.${budget}.${row.startMs}`;
      if (this.#given(req) !== undefined) return [];
      const input = { row, given: undefined, ask: { req, boot }, replica, id: `s${this.slices.size + 1}` };
      const result = issueAhead({ ...input, demand: 400n, replicas: this.#replicas.length, frozen: false });
      return result.kind === "issued" ? [this.#issued(result, row.endMs)] : [];
    });
  }

  #recall(row: BudgetRow, asker: string, needed: bigint): void {
    const slices = [...this.slices.values()].filter((one) => keyOf(one) === keyOf(row));
    const silent = new Set(
      this.#replicas.filter((one) => this.#world.nowMs - (this.#heardMs.get(one) ?? 0) > SILENT_MS),
    );
    for (const id of recallFor(slices, asker, needed, silent)) {
      const replica = this.slices.get(id)?.replica ?? "";
      this.#recalled.set(replica, (this.#recalled.get(replica) ?? new Set()).add(id));
    }
  }

  #shrinking(replica: string): string[] {
    const slices = [...this.slices.values()].filter((one) => one.replica === replica);
    return [...this.rows.values()].flatMap((row) =>
      recallAll(
        row,
        slices.filter((one) => keyOf(one) === keyOf(row)),
      ),
    );
  }

  #take(replica: string, event: Event): void {
    this.events.set(replica, [...(this.events.get(replica) ?? []), event]);
    for (const { slice: id, n } of event.charges) {
      const slice = this.slices.get(id);
      if (slice === undefined) throw new Error(`an event is charged to ${id}, which was never issued`);
      const result = charge({ row: this.#rowOf(slice), slice }, n, event.overrun);
      this.#put(result);
      if (result.excess > 0n) this.#auditor.excess(slice, result.excess);
    }
  }

  #rowAt(budget: string, atMs: number): BudgetRow {
    const { startMs, endMs } = this.windowOf(budget, atMs);
    const limit = this.budgets.get(budget)?.limit ?? 0n;
    return this.rows.get(keyOf({ budget, startMs })) ?? emptyWindow(budget, startMs, endMs, limit);
  }

  #rowOf(slice: SliceRow): BudgetRow {
    return this.#rowAt(slice.budget, slice.startMs);
  }

  #put({ row, slice }: Ledger): void {
    this.rows.set(keyOf(row), row);
    this.slices.set(slice.id, slice);
  }
}

/** Budget and window. */
export function keyOf({ budget, startMs }: { readonly budget: string; readonly startMs: number }): string {
  return `${budget}@${startMs}`;
}

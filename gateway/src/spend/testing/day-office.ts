/**
 * For tests by a virtual clock: what a control plane does for one key with a daily budget and a limit of requests per
 * minute, by the real rules of `shared`, until it is killed.
 */
import { type BudgetRow, emptyWindow, type Ledger, type SliceRow } from "@claviger/shared/escrow/budget-row";
import { type Issued, issue, issueAhead } from "@claviger/shared/escrow/issue";
import { surplus } from "@claviger/shared/escrow/recall";
import { charge, reconcile } from "@claviger/shared/escrow/settle-slices";
import { issuesAheadFromMs, windowOf } from "@claviger/shared/money/period";
import { answerReport, type KeyBook, type Member, newFleetBook } from "@claviger/shared/rate/dealer";
import { Ask, type EscrowAnswer, type EscrowReport } from "@claviger/shared/wire/escrow";
import type { RateAnswer, RateReports } from "@claviger/shared/wire/rate";
import type { Spent } from "../../ports.ts";
import { ORG } from "./bank.ts";

const BOOT = "1.aaaaaaaaa";

export interface DayTerms {
  readonly key: string;
  readonly budget: string;
  /** Nano-dollars a day. */
  readonly limit: bigint;
  readonly requestsPerMinute: number;
  readonly stalenessMs: number;
  readonly replicas: readonly string[];
}

export class DayOffice {
  alive = true;
  readonly rows = new Map<number, BudgetRow>();
  readonly #terms: DayTerms;
  readonly #slices = new Map<string, SliceRow>();
  readonly #demands = new Map<string, { readonly hold: bigint; readonly mean: bigint }>();
  readonly #cursors = new Map<string, number>();
  readonly #members: Map<string, Member>;
  readonly #fleet: ReturnType<typeof newFleetBook>;
  readonly #books = new Map<string, KeyBook>();

  constructor(terms: DayTerms) {
    this.#terms = terms;
    const nowMs = Date.now();
    this.#members = new Map(terms.replicas.map((name) => [name, { freshMs: nowMs, bye: false }]));
    this.#fleet = newFleetBook(1, new Map(), nowMs);
  }

  async ask(replica: string, body: Uint8Array): Promise<Uint8Array> {
    this.#answers();
    const { req, boot, min, bound, want, ahead } = Ask.parse(JSON.parse(new TextDecoder().decode(body)));
    const result = issue({
      ...this.#about(replica, Date.now(), req),
      ask: { req, boot, min: BigInt(min), bound: BigInt(bound), want: BigInt(want), ...(ahead && { ahead }) },
    });
    if (result.kind === "denied") {
      const { code: denied, spent, limit } = result;
      return bytes({ denied, spent: String(spent), limit: String(limit) });
    }
    return bytes({ slice: this.#signed(this.#issued(result)) });
  }

  /** A settled event is counted. */
  count(replica: string, seq: number, { charges = [], overrun = "0" }: Spent): void {
    if (!this.alive) return;
    this.#cursors.set(replica, seq);
    for (const { slice: id, n } of charges) {
      const slice = this.#slices.get(id);
      if (slice === undefined) throw new Error(`no slice ${id}`);
      this.#put(charge({ row: this.#row(slice.startMs), slice }, BigInt(n), BigInt(overrun)));
    }
  }

  /** The answer to a heartbeat. */
  answer(replica: string, report: EscrowReport): EscrowAnswer {
    this.#answers();
    for (const { hold, mean } of report.demand)
      this.#demands.set(replica, { hold: BigInt(hold), mean: BigInt(mean) });
    const held = new Map(report.holding.map((one) => [one.slice, one]));
    const answer: EscrowAnswer = { slices: [], recall: [], closed: [], show: [], budgets: [] };
    const cursor = this.#cursors.get(replica) ?? 0;
    for (const slice of this.#of(replica)) {
      const line = held.get(slice.id);
      const holding = line && {
        ...{ slice: line.slice, lastSeq: line.lastSeq, amount: BigInt(line.amount) },
        ...{ spent: BigInt(line.spent), reserved: BigInt(line.reserved) },
      };
      const said = { boot: BOOT, lastSeq: report.lastSeq, cursor };
      const result = reconcile({ row: this.#row(slice.startMs), slice }, holding, said);
      this.#put(result);
      if (result.told === "closed") answer.closed.push(slice.id);
      if (result.told === "resend") answer.slices.push(this.#signed(result.slice));
    }
    answer.slices.push(...this.#ahead(replica));
    const { hold = 0n, mean = 0n } = this.#demands.get(replica) ?? {};
    for (const startMs of this.rows.keys()) {
      const here = this.#of(replica).filter((one) => one.startMs === startMs);
      answer.recall.push(...surplus(here, hold, mean));
    }
    return answer;
  }

  rates(replica: string, report: RateReports | undefined): RateAnswer | undefined {
    this.#answers();
    if (report === undefined) return undefined;
    const { key, requestsPerMinute, stalenessMs } = this.#terms;
    const ages = { ttlMs: stalenessMs, ttlMsMax: stalenessMs, createdMs: Date.now() };
    const none = { tokensPerMinute: null, maxConcurrency: null };
    const desk = {
      ...{ fleet: this.#fleet, books: this.#books, members: this.#members, nowMs: Date.now() },
      limits: new Map([[key, { requestsPerMinute, ...none, ...ages }]]),
    };
    const { answer } = answerReport(desk, { replica, starts: 1 }, report);
    return { ...answer, keys: [...answer.keys] };
  }

  #answers(): void {
    if (!this.alive) throw new Error("nobody is there");
  }

  #about(replica: string, atMs: number, req: string) {
    const row = this.#row(windowOf("daily", atMs).startMs);
    const given = [...this.#slices.values()].find((one) => one.req === req);
    const id = `slc_${String(this.#slices.size).padStart(12, "0")}`;
    const { hold: demand = 0n } = this.#demands.get(replica) ?? {};
    return { row, given, replica, id, demand, replicas: this.#terms.replicas.length, frozen: false };
  }

  /** Near the end of a day each that spends is given a slice of the next one, and another when it spends twice as much. */
  #ahead(replica: string): string[] {
    const nowMs = Date.now();
    const { endMs, startMs } = windowOf("daily", nowMs);
    const { hold = 0n } = this.#demands.get(replica) ?? {};
    if (endMs === null || nowMs < (issuesAheadFromMs({ startMs, endMs }) ?? 0) || hold === 0n) return [];
    const given = this.#of(replica).filter((one) => one.startMs === endMs);
    const amount = given.reduce((sum, one) => sum + one.amount, 0n);
    if (given.length > 0 && hold <= 2n * amount) return [];
    const req = `ahead.${replica}.${endMs}.${given.length}`;
    const about = { ...this.#about(replica, endMs, req), demand: hold - amount };
    const result = issueAhead({ ...about, ask: { req, boot: BOOT } });
    return result.kind === "issued" ? [this.#signed(this.#issued(result))] : [];
  }

  #issued(result: Exclude<Issued, { kind: "denied" }>): SliceRow {
    if (result.kind === "issued") this.#put(result);
    return result.slice;
  }

  #of(replica: string): SliceRow[] {
    return [...this.#slices.values()].filter((one) => one.replica === replica);
  }

  #row(startMs: number): BudgetRow {
    const { endMs } = windowOf("daily", startMs);
    const { budget, limit } = this.#terms;
    return this.rows.get(startMs) ?? emptyWindow(budget, startMs, endMs, limit);
  }

  #put({ row, slice }: Ledger): void {
    this.rows.set(row.startMs, row);
    this.#slices.set(slice.id, slice);
  }

  #signed({ id, req, budget, replica, boot, issued, startMs }: SliceRow): string {
    const { endMs } = windowOf("daily", startMs);
    const slice = { v: 1, org: ORG, id, req, budget, replica, boot, amount: String(issued), startMs, endMs };
    return JSON.stringify(slice);
  }
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

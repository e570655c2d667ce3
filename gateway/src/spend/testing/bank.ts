/** For tests: the control plane's ledger of budgets in memory, by the real rules, and the replica's side of it. */
import { type BudgetRow, emptyWindow, type SliceRow } from "@claviger/shared/escrow/budget-row";
import type { JournalRecord } from "@claviger/shared/escrow/held";
import { issue } from "@claviger/shared/escrow/issue";
import { charge, reconcile } from "@claviger/shared/escrow/settle-slices";
import { Ask, type EscrowAnswer, type EscrowReport, type Slice } from "@claviger/shared/wire/escrow";
import type { Verify } from "@claviger/shared/wire/sign";
import type { Spent } from "../../ports.ts";
import type { EscrowJournal } from "../../rooms.ts";

export const ORG = "org_000000000001";

/** Signatures are the text itself. */
export const verifyNothing: Verify = async (_, jws) =>
  jws.startsWith("{") ? new TextEncoder().encode(jws) : undefined;

export class TestBank {
  readonly rows = new Map<string, BudgetRow>();
  readonly slices = new Map<string, SliceRow>();
  readonly asks: Ask[] = [];
  /** What becomes of a question on its way. */
  onAsk: (ask: Ask) => Promise<void> | void = () => undefined;
  cursor = 0;
  #ids = 0;

  constructor(limits: Readonly<Record<string, bigint>>) {
    for (const [budget, limit] of Object.entries(limits)) {
      this.rows.set(budget, emptyWindow(budget, 0, null, limit));
    }
  }

  row(budget: string): BudgetRow {
    const row = this.rows.get(budget);
    if (row === undefined) throw new Error(`no budget ${budget}`);
    return row;
  }

  async ask(body: Uint8Array): Promise<Uint8Array> {
    const ask = Ask.parse(JSON.parse(new TextDecoder().decode(body)));
    this.asks.push(ask);
    await this.onAsk(ask);
    const given = [...this.slices.values()].find(({ req }) => req === ask.req);
    const { req, boot, min, bound, want, ahead } = ask;
    const result = issue({
      ...{
        row: this.row(ask.budget),
        given,
        replica: "rep_000000000001",
        id: `slc_${String(this.#ids++).padStart(12, "0")}`,
      },
      ask: { req, boot, min: BigInt(min), bound: BigInt(bound), want: BigInt(want), ...(ahead && { ahead }) },
      ...{ demand: 0n, replicas: 1, frozen: false },
    });
    if (result.kind === "denied") {
      const { code: denied, spent, limit } = result;
      return bytes({ denied, spent: String(spent), limit: String(limit) });
    }
    if (result.kind === "issued") {
      this.rows.set(ask.budget, result.row);
      this.slices.set(result.slice.id, result.slice);
    }
    return bytes({ slice: this.signed(result.slice) });
  }

  signed({ id, req, budget, replica, boot, issued, startMs }: SliceRow): string {
    const slice: Slice = {
      ...{ v: 1, org: ORG, id, req, budget, replica, boot, amount: String(issued), startMs, endMs: null },
    };
    return JSON.stringify(slice);
  }

  /** A settled event is counted. */
  count(seq: number, { charges = [], overrun = "0" }: Spent): void {
    this.cursor = seq;
    for (const { slice: id, n } of charges) {
      const slice = this.slices.get(id);
      if (slice === undefined) throw new Error(`no slice ${id}`);
      const result = charge({ row: this.row(slice.budget), slice }, BigInt(n), BigInt(overrun));
      this.rows.set(slice.budget, result.row);
      this.slices.set(id, result.slice);
    }
  }

  /** The answer to a heartbeat. */
  answer(report: EscrowReport, boot: string, recall: readonly string[] = []): EscrowAnswer {
    const held = new Map(report.holding.map((one) => [one.slice, one]));
    const answer: EscrowAnswer = { slices: [], recall: [...recall], closed: [], show: [], budgets: [] };
    for (const slice of [...this.slices.values()]) {
      const line = held.get(slice.id);
      const holding = line && {
        ...{ slice: line.slice, lastSeq: line.lastSeq, amount: BigInt(line.amount) },
        ...{ spent: BigInt(line.spent), reserved: BigInt(line.reserved) },
      };
      const ledger = { row: this.row(slice.budget), slice };
      const result = reconcile(ledger, holding, { boot, lastSeq: report.lastSeq, cursor: this.cursor });
      this.rows.set(slice.budget, result.row);
      this.slices.set(slice.id, result.slice);
      if (result.told === "closed") answer.closed.push(slice.id);
      if (result.told === "resend") answer.slices.push(this.signed(slice));
    }
    for (const { budget, startMs, spent, limit } of this.rows.values()) {
      answer.budgets.push({ id: budget, startMs, spent: String(spent), limit: String(limit) });
    }
    return answer;
  }
}

/** A journal in memory, which writes in the next microtask, or when it is told to. */
export class TestJournal implements EscrowJournal {
  readonly written: JournalRecord[] = [];
  full = false;
  /** While true nothing reaches the disk. */
  stuck = false;
  seq = 0;
  #waiting: { n: number; record: JournalRecord }[] = [];
  #owner: Parameters<EscrowJournal["attach"]>[0] | undefined;

  write(n: number, record: JournalRecord): void {
    this.#waiting.push({ n, record });
    queueMicrotask(() => {
      if (!this.stuck) this.flush();
    });
  }

  flush(): void {
    const taken = this.#waiting;
    this.#waiting = [];
    this.written.push(...taken.map(({ record }) => record));
    const last = taken.at(-1);
    if (last !== undefined) this.#owner?.persisted(last.n);
  }

  nextSeq(): number {
    return ++this.seq;
  }

  durableSeq(): number {
    return this.seq;
  }

  isFull(): boolean {
    return this.full;
  }

  attach(owner: Parameters<EscrowJournal["attach"]>[0]): void {
    this.#owner = owner;
  }
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

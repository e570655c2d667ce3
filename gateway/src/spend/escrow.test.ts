import { lineOf, recordOf } from "@claviger/shared/escrow/journal-line";
import { emptyEscrow } from "@claviger/shared/escrow/replica-state";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Escrow } from "./escrow.ts";
import { recoverEscrow } from "./recover-escrow.ts";
import { ORG, TestBank, TestJournal, verifyNothing } from "./testing/bank.ts";

const me = { replica: "rep_000000000001", boot: "1.aaaaaaaaa" };
const KEY = "bud_000000000001";
const ALL = "bud_000000000002";
const log = { debug() {}, info() {}, warn() {}, error() {} };

// Promises go on as ever.
const toFake = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] as const;
beforeEach(() => void vi.useFakeTimers({ toFake: [...toFake] }));
let opened: Escrow[] = [];
afterEach(() => {
  for (const escrow of opened) escrow.close();
  opened = [];
  vi.useRealTimers();
});

function start(limits: Record<string, bigint>, state = emptyEscrow(me)) {
  const bank = new TestBank(limits);
  const journal = new TestJournal();
  const spoken: number[] = [];
  const escrow = new Escrow({
    ...{ org: ORG, state, journal, verify: verifyNothing, log },
    courier: { ask: (body) => bank.ask(body) },
    clock: { wallMs: () => Date.now(), monoMs: () => Date.now() },
    speak: () => void spoken.push(Date.now()),
  });
  opened.push(escrow);
  /** A heartbeat and its answer. */
  const beat = async (recall: readonly string[] = []) => {
    const report = escrow.vitals().escrow;
    if (report === undefined) throw new Error("nothing is said of budgets");
    await escrow.take(bank.answer(report, me.boot, recall));
    await vi.advanceTimersByTimeAsync(0);
    return report;
  };
  const settle = (id: string, actual: bigint | null) => {
    const spent = escrow.settle(id, actual);
    bank.count(journal.seq, spent);
    return spent;
  };
  return { bank, journal, escrow, spoken, beat, settle };
}

const hold = (escrow: Escrow, id: string, budgets: string[], nanos: bigint, about: unknown = null) =>
  escrow.hold({ id, budgets, nanos, about }, 1_000);

const held = async (promise: Promise<string>) => {
  await vi.advanceTimersByTimeAsync(0);
  return promise;
};

test("a reservation is held once it is on disk, in every budget on its path, and not before", async () => {
  const { escrow, journal, bank } = start({ [KEY]: 1_000n, [ALL]: 5_000n });
  journal.stuck = true;
  let outcome: string | undefined;
  void hold(escrow, "a", [KEY, ALL], 100n).then((said) => {
    outcome = said;
  });
  await vi.advanceTimersByTimeAsync(50);
  expect(journal.written).toEqual([]);
  expect(outcome).toBeUndefined();
  journal.flush();
  await vi.advanceTimersByTimeAsync(0);
  expect(outcome).toBe("held");
  expect(journal.written.map(({ kind }) => kind)).toEqual(["slice", "slice", "reserve"]);
  expect(bank.asks.map(({ budget, min }) => [budget, min])).toEqual([
    [KEY, "100"],
    [ALL, "100"],
  ]);
});

test("a budget that is used up is told at once; one whose money is out, after a second", async () => {
  const { escrow, bank, settle } = start({ [KEY]: 100n });
  expect(await held(hold(escrow, "a", [KEY], 100n))).toBe("held");
  const waits = hold(escrow, "b", [KEY], 100n);
  await vi.advanceTimersByTimeAsync(999);
  expect(escrow.open).toBe(1);
  await vi.advanceTimersByTimeAsync(2);
  expect(await waits).toBe("budget_unavailable");
  settle("a", 40n);
  expect(bank.row(KEY).spent).toBe(40n);
  expect(await held(hold(escrow, "c", [KEY], 61n))).toBe("budget_exceeded");
  expect(await held(hold(escrow, "d", [KEY], 101n))).toBe("request_exceeds_budget");
  expect(await held(hold(escrow, "e", [KEY], 60n))).toBe("held");
});

test("fifty requests that together want more than there is are all served, when those before them end", async () => {
  const { escrow, settle } = start({ [KEY]: 1_000n });
  const outcomes = Array.from({ length: 50 }, async (_, n) => {
    const outcome = await hold(escrow, `r${n}`, [KEY], 100n);
    if (outcome === "held") setTimeout(() => settle(`r${n}`, 5n), 100);
    return outcome;
  });
  await vi.advanceTimersByTimeAsync(900);
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["held"]));
  await vi.advanceTimersByTimeAsync(200);
  expect(escrow.open).toBe(0);
});

test("an answer that is lost is asked for again under the same name, and gives one slice", async () => {
  const { escrow, bank } = start({ [KEY]: 1_000n });
  let lost = 2;
  bank.onAsk = () => {
    if (lost-- > 0) throw new Error("no answer");
  };
  const waits = hold(escrow, "a", [KEY], 100n);
  await vi.advanceTimersByTimeAsync(700);
  expect(await waits).toBe("held");
  expect(new Set(bank.asks.map(({ req }) => req)).size).toBe(1);
  expect(bank.slices.size).toBe(1);
});

test("a disk that takes nothing: refused as such, and what was set aside is free again", async () => {
  const { escrow, journal } = start({ [KEY]: 1_000n });
  journal.stuck = true;
  const waits = hold(escrow, "a", [KEY], 100n);
  await vi.advanceTimersByTimeAsync(6_500);
  expect(await waits).toBe("journal_unavailable");
  expect(escrow.open).toBe(0);
  journal.full = true;
  expect(await hold(escrow, "b", [KEY], 100n)).toBe("journal_unavailable");
});

test("what is released leaves no trace in the ledger", async () => {
  const { escrow, bank, beat } = start({ [KEY]: 1_000n });
  await held(hold(escrow, "a", [KEY], 100n));
  escrow.release("a");
  await vi.advanceTimersByTimeAsync(0);
  const [slice] = bank.slices.keys();
  await beat([slice ?? ""]);
  await beat();
  expect(bank.row(KEY)).toMatchObject({ spent: 0n, open: 0n });
});

test("a slice that is asked back returns when the disk knows, and what is reserved when it is settled", async () => {
  const { escrow, bank, beat, settle, spoken } = start({ [KEY]: 1_000n });
  await held(hold(escrow, "a", [KEY], 100n));
  const [slice = ""] = bank.slices.keys();
  await beat([slice]);
  settle("a", 30n);
  await vi.advanceTimersByTimeAsync(0);
  expect(spoken.length).toBeGreaterThan(0);
  const report = await beat();
  expect(report.holding).toMatchObject([{ slice, amount: "30", spent: "30", reserved: "0" }]);
  expect(bank.row(KEY)).toMatchObject({ spent: 30n, open: 0n });
  expect((await beat()).holding).toEqual([]);
});

test("a heartbeat says what is wanted for an outage; what is missing of it is asked for ahead, and is no more than that", async () => {
  const { escrow, bank, beat, settle } = start({ [KEY]: 1_000_000n });
  for (let n = 0; n < 60; n++) {
    escrow.wanted([KEY], 100n, 600_000);
    expect(await held(hold(escrow, `r${n}`, [KEY], 100n))).toBe("held");
    settle(`r${n}`, 50n);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  const [line] = (await beat()).demand;
  // 50 a second for ten minutes, and a margin.
  expect(Number(line?.hold)).toBeGreaterThan(50 * 600);
  expect(Number(line?.hold)).toBeLessThan(50 * 600 * 1.5);
  const rest = (await beat()).holding.reduce(
    (sum, { amount, spent }) => sum + Number(amount) - Number(spent),
    0,
  );
  expect(rest).toBeGreaterThan(50 * 600);
  expect(rest).toBeLessThan(50 * 600 * 2);
  expect(bank.asks.some(({ ahead }) => ahead === true)).toBe(true);
});

test("a control plane that takes seconds to answer is asked ahead under one name, and gives one slice for it", async () => {
  const { escrow, bank, settle } = start({ [KEY]: 1_000_000n });
  escrow.wanted([KEY], 100n, 600_000);
  expect(await held(hold(escrow, "a", [KEY], 100n))).toBe("held");
  settle("a", 100n);
  bank.onAsk = () => new Promise((resolve) => setTimeout(resolve, 5_000));
  await vi.advanceTimersByTimeAsync(5_500);
  const ahead = bank.asks.filter((one) => one.ahead === true);
  expect(new Set(ahead.map(({ req }) => req)).size).toBe(1);
  expect(ahead.length).toBeLessThanOrEqual(6);
});

test("a slice is shown as it was signed when the control plane does not know it, also by a later process", async () => {
  const { escrow, journal, bank } = start({ [KEY]: 1_000n });
  await held(hold(escrow, "a", [KEY], 100n, { record: { requestId: "req_1" }, priceRev: 3 }));
  const [slice = ""] = bank.slices.keys();
  const lines = journal.written.map(lineOf);
  const later = recoverEscrow({ ...me, boot: "2.bbbbbbbbb" }, lines, 7, 0);
  expect(later.crashed).toMatchObject([
    { record: { requestId: "req_1" }, spent: { cost: "100", priceRev: 3, charges: [{ slice, n: "100" }] } },
  ]);
  expect(later.records.map(({ record }) => record)).toMatchObject([{ kind: "settle", id: "a", seq: 7 }]);
  const next = start({ [KEY]: 1_000n }, later.state);
  next.journal.written.push(...lines.map(recordOf));
  await next.escrow.take({ slices: [], recall: [], closed: [], show: [slice], budgets: [] });
  expect(next.escrow.vitals().escrow?.holding).toMatchObject([
    { slice, jws: expect.stringContaining(slice) },
  ]);
});

test("a slice that nobody has signed for this organization is not taken", async () => {
  const { escrow } = start({ [KEY]: 1_000n });
  const slice = { v: 1, org: "org_000000000002", id: "slc_000000000001", req: "q", budget: KEY, ...me };
  const foreign = JSON.stringify({ ...slice, amount: "500", startMs: 0, endMs: null });
  await escrow.take({ slices: [foreign, "not signed"], recall: [], closed: [], show: [], budgets: [] });
  expect(escrow.vitals().escrow?.holding).toEqual([]);
});

test("across midnight UTC without the control plane: admitted all the time, and each request charges the day that it is in", async () => {
  const DAY_MS = 86_400_000;
  const midnightMs = 20_000 * DAY_MS;
  vi.setSystemTime(midnightMs - 300_000);
  const { escrow, bank } = start({ [KEY]: 1_000n });
  bank.onAsk = () => Promise.reject(new Error("nobody is there"));
  // What the last heartbeat before the outage has brought: this day's slice, and one for the day that comes.
  const slices = [midnightMs - DAY_MS, midnightMs].map((startMs, n) =>
    JSON.stringify({
      ...{ v: 1, org: ORG, id: `slc_00000000000${n}`, req: `q${n}`, budget: KEY, ...me },
      ...{ amount: "10000", startMs, endMs: startMs + DAY_MS },
    }),
  );
  await escrow.take({ slices, recall: [], closed: [], show: [], budgets: [] });
  const charged: [number, number | undefined][] = [];
  for (let n = 0; n < 60; n++) {
    const atMs = Date.now();
    expect(await held(hold(escrow, `r${n}`, [KEY], 100n))).toBe("held");
    charged.push([atMs, escrow.settle(`r${n}`, 40n).charges?.[0]?.startMs]);
    await vi.advanceTimersByTimeAsync(10_000);
  }
  for (const [atMs, startMs] of charged) expect(startMs).toBe(Math.floor(atMs / DAY_MS) * DAY_MS);
  expect(new Set(charged.map(([, startMs]) => startMs)).size).toBe(2);
});

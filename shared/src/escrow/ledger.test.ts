import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BudgetRow, emptyWindow, type Ledger, limited, type SliceRow } from "./budget-row.ts";
import { type Issued, type IssueInput, issue, issueAhead } from "./issue.ts";
import { recallAll, recallFor, surplus } from "./recall.ts";
import { charge, reconcile, reinsert, writeOff } from "./settle-slices.ts";
import type { Holding } from "./slice.ts";

const window = emptyWindow("b", 0, null, 1_000n);

function asked(row: BudgetRow, min: bigint, more: Partial<IssueInput> = {}): Issued {
  return issue({
    row,
    given: undefined,
    ask: { req: "q", boot: "1.a", min, bound: min, want: min },
    ...{ replica: "r", id: "s", demand: 0n, replicas: 2, frozen: false },
    ...more,
  });
}

function issued(result: Issued): Ledger {
  if (result.kind !== "issued") throw new Error(result.kind);
  return result;
}

const holding = (more: Partial<Holding>): Holding => ({
  ...{ slice: "s", amount: 0n, spent: 0n, reserved: 0n, lastSeq: 0 },
  ...more,
});
const report = { boot: "1.a", lastSeq: 0, cursor: 0 };

describe("an issue", () => {
  test("is made once for one request", () => {
    const first = issued(asked(window, 100n));
    expect(first.row.open).toBe(first.slice.amount);
    expect(asked(first.row, 100n, { given: first.slice })).toEqual({ kind: "again", slice: first.slice });
  });

  test("is what is spent in an outage, at least what is missing, at most a fair part of what is free", () => {
    const amount = (min: bigint, demand: bigint) => issued(asked(window, min, { demand })).slice.amount;
    expect([amount(10n, 50n), amount(10n, 9_000n), amount(400n, 0n)]).toEqual([50n, 250n, 400n]);
  });

  test("ahead of need is no more than was asked for, whatever its holder wants to hold in all", () => {
    const ask = { req: "q", boot: "1.a", min: 10n, bound: 10n, want: 60n, ahead: true } as const;
    expect(issued(asked(window, 10n, { ask, demand: 200n })).slice.amount).toBe(60n);
  });

  test("leaves the last cent spendable", () => {
    const row = { ...window, spent: 999n };
    expect(issued(asked(row, 1n)).slice.amount).toBe(1n);
  });

  test("is denied as exhausted only when spent money is in the way", () => {
    const row = { ...window, spent: 500n, open: 450n };
    expect(asked(row, 100n)).toMatchObject({ kind: "denied", code: "no_headroom" });
    expect(asked(row, 501n)).toMatchObject({ kind: "denied", code: "exhausted", spent: 500n, limit: 1_000n });
    expect(asked({ ...window, limit: 0n }, 1n)).toMatchObject({ code: "exhausted" });
    expect(asked(row, 10n, { frozen: true })).toMatchObject({ code: "no_headroom" });
  });

  test("ahead of a window is what its holder is expected to spend", () => {
    const input = { row: window, given: undefined, ask: { req: "n", boot: "1.a" }, replica: "r", id: "s" };
    const ahead = issueAhead({ ...input, demand: 70n, replicas: 1, frozen: false });
    expect(issued(ahead).slice.amount).toBe(70n);
  });
});

describe("money returns", () => {
  const ledger = issued(asked(window, 100n));

  test("on its holder's word, and not before all its events are counted", () => {
    const word = holding({ amount: 40n, spent: 40n, lastSeq: 3 });
    expect(reconcile(ledger, word, { ...report, cursor: 2 })).toMatchObject({
      slice: { state: "open", amount: 100n },
    });
    const after = charge(ledger, 40n, 0n);
    const closed = reconcile(after, word, { ...report, cursor: 3 });
    expect(closed).toMatchObject({
      told: "closed",
      row: { spent: 40n, open: 0n },
      slice: { state: "closed" },
    });
    expect(reconcile(closed, word, report).told).toBe("closed");
  });

  test("in part while reservations are open; an older, larger word changes nothing", () => {
    const part = reconcile(ledger, holding({ amount: 60n, reserved: 60n }), report);
    expect(part).toMatchObject({ slice: { amount: 60n, state: "open" }, row: { open: 60n } });
    expect(reconcile(part, holding({ amount: 90n, reserved: 90n }), report).slice.amount).toBe(60n);
  });

  test("when a later process of the replica does not hold it; to the same process it is sent again", () => {
    expect(reconcile(ledger, undefined, report).told).toBe("resend");
    expect(reconcile(ledger, undefined, { ...report, boot: "0.z" })).toMatchObject({
      told: "nothing",
      slice: { state: "open" },
    });
    const later = { boot: "2.b", lastSeq: 5, cursor: 4 };
    expect(reconcile(ledger, undefined, later).slice.state).toBe("open");
    expect(reconcile(ledger, undefined, { ...later, cursor: 5 })).toMatchObject({
      row: { open: 0n },
      slice: { state: "closed" },
    });
  });

  test("never because a part of what is held does not name it", () => {
    const later = { boot: "2.b", lastSeq: 5, cursor: 5, isPartial: true };
    for (const part of [later, { ...report, isPartial: true }])
      expect(reconcile(ledger, undefined, part)).toEqual({ ...ledger, told: "nothing" });
    expect(reconcile(ledger, holding({ amount: 0n }), later)).toMatchObject({
      told: "closed",
      row: { open: 0n },
    });
  });

  test("never because a gateway is lost: it counts as spent, until its holder proves less", () => {
    const lost = writeOff(charge(ledger, 10n, 0n));
    expect(lost.row).toMatchObject({ spent: 100n, open: 0n });
    const counted = charge(lost, 20n, 0n);
    expect(counted).toMatchObject({ row: { spent: 100n }, slice: { spent: 30n }, excess: 0n });
    const back = reconcile(counted, holding({ amount: 30n, spent: 30n, lastSeq: 2 }), {
      ...report,
      cursor: 2,
    });
    expect(back).toMatchObject({ told: "closed", row: { spent: 30n, open: 0n } });
  });
});

test("a limit below what is out issues nothing until it is in, and recalls everything", () => {
  const ledger = issued(asked(window, 400n));
  const row = limited(ledger.row, 300n);
  expect(row.shrinking).toBe(true);
  expect(asked(row, 1n)).toMatchObject({ kind: "denied", code: "no_headroom" });
  expect(recallAll(row, [ledger.slice])).toEqual(["s"]);
  const after = reconcile({ row, slice: ledger.slice }, holding({ amount: 100n, reserved: 100n }), report);
  expect(after.row).toMatchObject({ shrinking: false, open: 100n });
  expect(asked(after.row, 50n).kind).toBe("issued");
});

test("a slice that was lost with the database counts again when it is shown, once", () => {
  const signed = {
    id: "s",
    req: "q",
    budget: "b",
    replica: "r",
    boot: "1.a",
    amount: 700n,
    startMs: 0,
    endMs: null,
  };
  const ledger = reinsert({ ...window, spent: 400n }, signed, undefined);
  expect(ledger.row).toMatchObject({ open: 700n, shrinking: true });
  expect(reinsert(ledger.row, signed, ledger.slice)).toEqual(ledger);
});

test("a recall takes from others, the largest first; a surplus leaves the standing part", () => {
  const row = (id: string, replica: string, amount: bigint): SliceRow => ({
    ...{ id, req: id, budget: "b", startMs: 0, replica, boot: "1.a", issued: amount, amount, spent: 0n },
    state: "open",
  });
  const slices = [row("a", "me", 900n), row("b", "x", 10n), row("c", "y", 50n), row("d", "z", 20n)];
  expect(recallFor(slices, "me", 60n, new Set())).toEqual(["c", "d"]);
  expect(recallFor(slices, "me", 60n, new Set(["y"]))).toEqual(["d", "b"]);
  expect(surplus([row("a", "x", 100n), row("b", "x", 50n)], 60n, 1n)).toEqual(["b"]);
  expect(surplus([row("a", "x", 100n)], 0n, 20n)).toEqual([]);
});

test("an overrun is counted although it passes the limit, and stops further issues", () => {
  const ledger = issued(asked(window, 1_000n));
  const after = charge(ledger, 1_000n, 5n);
  expect(after).toMatchObject({ excess: 5n, row: { spent: 1_005n, open: 0n, shrinking: true } });
});

test("whatever is asked, charged, returned and lost: spent + open ≤ limit, and both are what the slices say (I9 I14)", () => {
  const op = fc.record({
    do: fc.constantFrom("issue", "charge", "shrink", "lose"),
    i: fc.nat(7),
    n: fc.bigInt({ min: 1n, max: 300n }),
  });
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      let row: BudgetRow = window;
      const slices: SliceRow[] = [];
      for (const one of ops) {
        if (one.do === "issue") {
          const result = asked(row, one.n, { id: `s${slices.length}`, demand: one.n * BigInt(one.i) });
          if (result.kind !== "issued") continue;
          row = result.row;
          slices.push(result.slice);
          continue;
        }
        const at = one.i % Math.max(1, slices.length);
        const slice = slices[at];
        if (slice === undefined || slice.state === "closed") continue;
        const rest = slice.amount - slice.spent;
        const n = one.n % (rest + 1n);
        const word = holding({ amount: slice.spent + n, spent: slice.spent, reserved: n });
        const next =
          one.do === "charge"
            ? charge({ row, slice }, n, 0n)
            : one.do === "shrink"
              ? reconcile({ row, slice }, word, report)
              : writeOff({ row, slice });
        row = next.row;
        slices[at] = next.slice;
      }
      const sum = (of: (one: SliceRow) => bigint) => slices.reduce((all, one) => all + of(one), 0n);
      expect(row.spent + row.open <= row.limit).toBe(true);
      expect(row.open).toBe(sum((one) => (one.state === "open" ? one.amount - one.spent : 0n)));
      expect(row.spent).toBe(sum((one) => (one.state === "written_off" ? one.amount : one.spent)));
    }),
  );
});

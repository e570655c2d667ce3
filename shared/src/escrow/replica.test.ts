import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JournalRecord } from "./held.ts";
import { compacted, holdings, recover } from "./recover.ts";
import { step } from "./replica.ts";
import { type EscrowEffect, type EscrowState, emptyEscrow } from "./replica-state.ts";
import type { Slice } from "./slice.ts";

const wallMs = 1_000;
const me = { replica: "r", boot: "1.a" };

function slice(id: string, amount: bigint, more: Partial<Slice> = {}): Slice {
  return {
    id,
    req: `req-${id}`,
    budget: "key",
    replica: "r",
    boot: "1.a",
    amount,
    startMs: 0,
    endMs: null,
    ...more,
  };
}

function given(...slices: Slice[]): EscrowState {
  const state = emptyEscrow(me);
  for (const one of slices) step(state, { type: "slice", slice: one, wallMs });
  persistAll(state);
  return state;
}

function persistAll(state: EscrowState): EscrowEffect[] {
  return step(state, { type: "persisted", n: state.nextN - 1 });
}

function reserve(
  state: EscrowState,
  id: string,
  nanos: bigint,
  budgets = ["key"],
  atMs = wallMs,
): EscrowEffect[] {
  return step(state, { type: "reserve", wanted: { id, budgets, nanos, about: null }, wallMs: atMs });
}

const kinds = (effects: readonly EscrowEffect[]) => effects.map(({ type }) => type);

describe("a reservation", () => {
  test("is on disk before the request is forwarded", () => {
    const state = given(slice("s", 100n));
    expect(kinds(reserve(state, "a", 60n))).toEqual(["append"]);
    expect(persistAll(state)).toEqual([{ type: "forward", id: "a" }]);
  });

  test("of an attempt that ended before it was on disk forwards nothing", () => {
    const state = given(slice("s", 100n));
    reserve(state, "a", 60n);
    step(state, { type: "settle", id: "a", seq: 1, actual: 0n, wallMs });
    expect(persistAll(state)).toEqual([]);
  });

  test("is made in every budget or in none", () => {
    const state = given(slice("s", 100n), slice("p", 10n, { budget: "project" }));
    const [ask] = reserve(state, "a", 60n, ["key", "project"]);
    expect(ask).toMatchObject({ type: "ask", ask: { budget: "project", min: 50n, bound: 60n } });
    expect(holdings(state).every(({ reserved }) => reserved === 0n)).toBe(true);
    step(state, { type: "slice", slice: slice("p2", 50n, { budget: "project" }), wallMs });
    persistAll(state);
    expect(holdings(state).map(({ slice: id, reserved }) => [id, reserved])).toEqual([
      ["s", 60n],
      ["p", 10n],
      ["p2", 50n],
    ]);
  });

  test("takes the last cent out of several slices and gives back what was not used", () => {
    const state = given(slice("s", 30n), slice("t", 30n));
    reserve(state, "a", 55n);
    const [settled] = step(state, { type: "settle", id: "a", seq: 9, actual: 33n, wallMs });
    expect(settled).toMatchObject({
      record: {
        seq: 9,
        overrun: 0n,
        charges: [
          { slice: "s", n: 30n },
          { slice: "t", n: 3n },
        ],
      },
    });
    expect(kinds(reserve(state, "b", 27n))).toEqual(["append"]);
    expect(kinds(reserve(state, "c", 1n))).toEqual(["ask"]);
  });

  test("that the provider exceeds charges no slice beyond it, and is told", () => {
    const state = given(slice("s", 100n));
    reserve(state, "a", 60n);
    const effects = step(state, { type: "settle", id: "a", seq: 1, actual: 75n, wallMs });
    expect(effects[0]).toMatchObject({ record: { overrun: 15n, charges: [{ slice: "s", n: 60n }] } });
    expect(effects[1]).toEqual({ type: "overrun", id: "a", nanos: 15n });
  });

  test("is settled once", () => {
    const state = given(slice("s", 100n));
    reserve(state, "a", 60n);
    step(state, { type: "settle", id: "a", seq: 1, actual: null, wallMs });
    expect(() => step(state, { type: "settle", id: "a", seq: 2, actual: null, wallMs })).toThrow();
  });
});

describe("those who wait", () => {
  test("share one question per budget, repeated under the same name", () => {
    const state = emptyEscrow(me);
    const [first] = reserve(state, "a", 10n);
    expect(reserve(state, "b", 20n)).toEqual([]);
    expect(step(state, { type: "ask-again", budget: "key", wallMs })).toEqual([first]);
  });

  test("are answered by what exhausted means for each of them", () => {
    const state = emptyEscrow(me);
    for (const [id, nanos] of [
      ["a", 50n],
      ["b", 500n],
      ["c", 5n],
    ] as const)
      reserve(state, id, nanos);
    const req = state.asked.get("key")?.req ?? "";
    expect(step(state, { type: "denied", req, code: "exhausted", spent: 90n, limit: 100n })).toEqual([
      { type: "refuse", id: "a", code: "budget_exceeded" },
      { type: "refuse", id: "b", code: "request_exceeds_budget" },
      { type: "ask-later", budget: "key" },
    ]);
    expect(kinds(step(state, { type: "ask-again", budget: "key", wallMs }))).toEqual(["ask"]);
  });

  test("wait on when only open slices stand in the way, until they give up", () => {
    const state = emptyEscrow(me);
    reserve(state, "a", 50n);
    const req = state.asked.get("key")?.req ?? "";
    expect(step(state, { type: "denied", req, code: "no_headroom", spent: 0n, limit: 100n })).toEqual([
      { type: "ask-later", budget: "key" },
    ]);
    expect(step(state, { type: "gave-up", id: "a" })).toEqual([
      { type: "refuse", id: "a", code: "budget_unavailable" },
    ]);
  });

  test("are served by what a settlement gives back", () => {
    const state = given(slice("s", 100n));
    reserve(state, "a", 80n);
    reserve(state, "b", 80n);
    expect(kinds(step(state, { type: "settle", id: "a", seq: 1, actual: 20n, wallMs }))).toEqual([
      "append",
      "append",
    ]);
    expect(persistAll(state)).toEqual([{ type: "forward", id: "b" }]);
  });
});

describe("a slice", () => {
  test("counts once however often it is delivered", () => {
    const state = given(slice("s", 100n), slice("s", 100n));
    reserve(state, "a", 80n);
    expect(step(state, { type: "slice", slice: slice("s", 100n), wallMs })).toEqual([]);
    expect(kinds(reserve(state, "b", 30n))).toEqual(["ask"]);
  });

  test("of another process or another replica is never taken", () => {
    const state = given(slice("s", 100n, { boot: "0.z" }), slice("t", 100n, { replica: "q" }));
    expect(holdings(state)).toEqual([]);
  });

  test("that was given back is not taken again, and its end is told once more", () => {
    const state = given(slice("s", 100n));
    reserve(state, "a", 80n);
    step(state, { type: "settle", id: "a", seq: 4, actual: 80n, wallMs });
    step(state, { type: "recall", slice: "s" });
    persistAll(state);
    step(state, { type: "closed", slice: "s" });
    persistAll(state);
    expect(holdings(state)).toEqual([]);
    step(state, { type: "slice", slice: slice("s", 100n), wallMs });
    expect(holdings(state)).toEqual([{ slice: "s", amount: 80n, spent: 80n, reserved: 0n, lastSeq: 4 }]);
    expect(kinds(reserve(state, "b", 1n))).toEqual(["ask"]);
  });

  test("is lowered on disk before that is said, and goes on shrinking as reservations end", () => {
    const state = given(slice("s", 100n));
    reserve(state, "a", 60n);
    persistAll(state);
    expect(kinds(step(state, { type: "recall", slice: "s" }))).toEqual(["append"]);
    expect(holdings(state)[0]?.amount).toBe(100n);
    expect(persistAll(state)).toEqual([{ type: "report" }]);
    expect(holdings(state)[0]?.amount).toBe(60n);
    step(state, { type: "settle", id: "a", seq: 1, actual: 10n, wallMs });
    persistAll(state);
    expect(holdings(state)[0]).toMatchObject({ amount: 10n, spent: 10n, reserved: 0n });
  });

  test("of the next window is not spent before it, one of the last is not spent for long and goes back", () => {
    const today = slice("t", 100n, { endMs: 100_000 });
    const state = given(today, slice("n", 100n, { startMs: 100_000, endMs: 200_000 }));
    reserve(state, "a", 100n, ["key"], 99_999);
    expect(kinds(reserve(state, "b", 1n, ["key"], 99_999))).toEqual(["ask"]);
    expect(kinds(reserve(state, "c", 100n, ["key"], 100_000))).toEqual(["append"]);
    step(state, { type: "settle", id: "a", seq: 1, actual: 1n, wallMs: 130_000 });
    expect(kinds(step(state, { type: "tick", wallMs: 130_000 }))).toEqual(["append"]);
  });
});

test("after a restart what was reserved is settled in full, and the rest is spent on", () => {
  const journal: JournalRecord[] = [];
  const state = emptyEscrow(me);
  const keep = (effects: EscrowEffect[]) => {
    for (const effect of effects) if (effect.type === "append") journal.push(effect.record);
  };
  keep(step(state, { type: "slice", slice: slice("s", 100n), wallMs }));
  keep(reserve(state, "a", 30n));
  keep(reserve(state, "b", 20n));
  keep(step(state, { type: "settle", id: "a", seq: 1, actual: 5n, wallMs }));
  const again = recover({ replica: "r", boot: "2.b" }, journal, 2, wallMs);
  expect(again.nextSeq).toBe(3);
  expect(again.effects).toMatchObject([
    { record: { kind: "settle", id: "b", seq: 2, charges: [{ n: 20n }] } },
  ]);
  persistAll(again.state);
  expect(holdings(again.state)).toMatchObject([{ amount: 100n, spent: 25n, reserved: 0n, lastSeq: 2 }]);
  expect(kinds(reserve(again.state, "c", 75n))).toEqual(["append"]);
});

test("whatever happens in whatever order: spent + reserved ≤ amount, and the journal alone leads to the same (I10)", () => {
  const n = fc.integer({ min: 0, max: 9 });
  const op = fc.oneof(
    fc.record({ do: fc.constant("slice" as const), i: n, amount: fc.bigInt({ min: 1n, max: 200n }) }),
    fc.record({ do: fc.constant("reserve" as const), i: n, amount: fc.bigInt({ min: 1n, max: 90n }) }),
    fc.record({ do: fc.constant("settle" as const), i: n, amount: fc.bigInt({ min: 0n, max: 120n }) }),
    fc.record({
      do: fc.constantFrom("recall" as const, "closed" as const, "persist" as const),
      i: n,
      amount: fc.constant(0n),
    }),
  );
  fc.assert(
    fc.property(fc.array(op, { maxLength: 80 }), (ops) => {
      const state = emptyEscrow(me);
      const journal: JournalRecord[] = [];
      let seq = 1;
      ops.forEach((one, at) => {
        const open = [...state.held.reservations.keys()];
        const effects = ((): EscrowEffect[] => {
          if (one.do === "slice") {
            const budget = one.i % 2 === 0 ? "key" : "org";
            return step(state, { type: "slice", slice: slice(`s${one.i}`, one.amount, { budget }), wallMs });
          }
          if (one.do === "reserve")
            return reserve(state, `q${at}`, one.amount, one.i < 5 ? ["key"] : ["key", "org"]);
          if (one.do === "persist") return persistAll(state);
          if (one.do !== "settle") return step(state, { type: one.do, slice: `s${one.i}` });
          const id = open[one.i % Math.max(1, open.length)];
          return id === undefined
            ? []
            : step(state, { type: "settle", id, seq: seq++, actual: one.amount, wallMs });
        })();
        for (const effect of effects) if (effect.type === "append") journal.push(effect.record);
      });
      for (const { amount, spent, reserved } of state.held.slices.values())
        expect(spent + reserved <= amount).toBe(true);
      persistAll(state);
      const told = holdings({ ...state, resent: new Set() });
      const open = (from: readonly JournalRecord[]) => {
        const { state: next } = recover(me, from, seq, wallMs);
        persistAll(next);
        return holdings(next).map(({ lastSeq: _, ...rest }) => rest);
      };
      const full = told.map(({ slice: id, amount, spent, reserved }) => ({
        slice: id,
        amount,
        spent: spent + reserved,
        reserved: 0n,
      }));
      expect(open(journal)).toEqual(full);
      expect(open(compacted(state.held))).toEqual(full);
    }),
    { numRuns: 200 },
  );
});

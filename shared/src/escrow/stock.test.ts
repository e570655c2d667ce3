import { describe, expect, test } from "vitest";
import { step } from "./replica.ts";
import { type EscrowEffect, type EscrowState, emptyEscrow } from "./replica-state.ts";
import type { Slice } from "./slice.ts";

const wallMs = 1_000;
const me = { replica: "r", boot: "1.a" };

function slice(id: string, amount: bigint): Slice {
  return { ...me, id, req: `req-${id}`, budget: "key", amount, startMs: 0, endMs: null };
}

function given(...slices: Slice[]): EscrowState {
  const state = emptyEscrow(me);
  for (const one of slices) step(state, { type: "slice", slice: one, wallMs });
  step(state, { type: "persisted", n: state.nextN - 1 });
  return state;
}

function reserve(state: EscrowState, id: string, nanos: bigint): EscrowEffect[] {
  const wanted = { id, budgets: ["key"], nanos, about: null };
  return step(state, { type: "reserve", wanted, wallMs });
}

describe("stock for the time without a control plane", () => {
  const stock = (state: EscrowState, hold: bigint) =>
    step(state, { type: "stock", budget: "key", hold, mean: 10n, wallMs });

  test("is asked for ahead while less than seven eighths of it are there, once", () => {
    const state = given(slice("s", 40n));
    expect(stock(state, 45n)).toEqual([]);
    expect(stock(state, 100n)).toMatchObject([
      { type: "ask", ask: { budget: "key", min: 15n, bound: 15n, want: 60n, ahead: true } },
    ]);
    expect(stock(state, 100n)).toEqual([]);
  });

  test("is never asked for in parts smaller than one reservation, nor where nothing is spent", () => {
    const state = given();
    expect(stock(state, 12n)).toMatchObject([{ ask: { min: 10n, want: 12n } }]);
    expect(stock(given(), 0n)).toEqual([]);
  });

  test("is asked for under one name until there is an answer, though nobody waits", () => {
    const state = given();
    const [asked] = stock(state, 100n);
    expect(step(state, { type: "ask-again", budget: "key", wallMs })).toEqual([asked]);
    expect(stock(state, 100n)).toEqual([]);
    const req = asked?.type === "ask" ? asked.ask.req : "";
    step(state, { type: "slice", slice: { ...slice("s", 100n), req }, wallMs });
    expect(step(state, { type: "ask-again", budget: "key", wallMs })).toEqual([]);
  });

  test("that is refused keeps nobody waiting: whoever needs money asks next", () => {
    const state = given();
    const [asked] = stock(state, 100n);
    expect(reserve(state, "a", 50n)).toEqual([]);
    const req = asked?.type === "ask" ? asked.ask.req : "";
    const denied = step(state, { type: "denied", req, code: "no_headroom", spent: 0n, limit: 500n });
    expect(denied).toEqual([{ type: "ask-later", budget: "key" }]);
    expect(step(state, { type: "ask-again", budget: "key", wallMs })).toMatchObject([
      { type: "ask", ask: { min: 50n, bound: 50n, want: 50n } },
    ]);
  });
});

import { expect, test } from "vitest";
import { DROPPED_MAX } from "./dropped.ts";
import { step } from "./replica.ts";
import { emptyEscrow } from "./replica-state.ts";
import type { Slice } from "./slice.ts";

const wallMs = 1_000;
const me = { replica: "r", boot: "1.a" };

test("of slices that were given back a bounded number is remembered, and none is ever taken again", () => {
  const state = emptyEscrow(me);
  const slice = (n: number, req = `r.1.a.${n}`): Slice => {
    return { ...me, id: `s${n}`, req, budget: "key", amount: 9n, startMs: 0, endMs: null };
  };
  const persisted = () => step(state, { type: "persisted", n: state.nextN - 1 });
  const take = (one: Slice) => {
    step(state, { type: "slice", slice: one, wallMs });
    persisted();
  };
  const giveBack = (one: Slice) => {
    take(one);
    step(state, { type: "recall", slice: one.id });
    persisted();
    step(state, { type: "closed", slice: one.id });
    persisted();
  };
  const unasked = slice(0, "ahead.r.1.a.key.0");
  giveBack(unasked);
  for (let n = 1; n <= DROPPED_MAX + 100; n++) giveBack(slice(n));
  expect(state.dropped.size).toBe(DROPPED_MAX);
  expect([state.dropped.has("s1"), state.dropped.has(`s${DROPPED_MAX}`)]).toEqual([false, true]);
  for (const one of [unasked, slice(1), slice(100), slice(101), slice(DROPPED_MAX)]) take(one);
  expect(state.held.slices.size).toBe(0);
  take(slice(DROPPED_MAX + 101));
  expect(state.held.slices.size).toBe(1);
});

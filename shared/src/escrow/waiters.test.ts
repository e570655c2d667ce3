import { expect, test } from "vitest";
import { step } from "./replica.ts";
import { type EscrowEffect, type EscrowState, emptyEscrow } from "./replica-state.ts";
import { WAITERS_MAX, type Wanted } from "./waiters.ts";

const wallMs = 1_000;
const me = { replica: "r", boot: "1.a" };

function give(state: EscrowState, budget: string, amount: bigint): EscrowEffect[] {
  const slice = {
    ...me,
    id: `s${state.nextN}`,
    req: `q${state.nextN}`,
    budget,
    amount,
    startMs: 0,
    endMs: null,
  };
  return step(state, { type: "slice", slice, wallMs });
}

function wants(state: EscrowState, id: string, nanos: bigint, budgets: readonly string[]): EscrowEffect[] {
  return step(state, { type: "reserve", wanted: { id, budgets, nanos, about: null }, wallMs });
}

const reserved = (effects: readonly EscrowEffect[]) =>
  effects.flatMap((one) =>
    one.type === "append" && one.record.kind === "reserve" ? [one.record.reservation.id] : [],
  );

test("what happens in one budget looks at nobody who waits for another", () => {
  const state = emptyEscrow(me);
  let looks = 0;
  for (let n = 0; n < 100; n++) {
    const wanted: Wanted = {
      ...{ id: `w${n}`, budgets: ["other"], about: null },
      get nanos() {
        looks++;
        return 5n;
      },
    };
    step(state, { type: "reserve", wanted, wallMs });
  }
  give(state, "key", 100n);
  expect(reserved(wants(state, "a", 60n, ["key"]))).toEqual(["a"]);
  looks = 0;
  give(state, "key", 100n);
  step(state, { type: "settle", id: "a", seq: 1, actual: 10n, wallMs });
  expect(looks).toBe(0);
  expect(reserved(give(state, "other", 12n))).toEqual(["w0", "w1"]);
});

test("those who wait for one of several budgets are served in the order of their coming, each once", () => {
  const state = emptyEscrow(me);
  give(state, "key", 100n);
  give(state, "project", 100n);
  wants(state, "a", 100n, ["key", "project"]);
  wants(state, "b", 20n, ["project"]);
  wants(state, "c", 20n, ["key", "project"]);
  wants(state, "d", 20n, ["key"]);
  wants(state, "e", 90n, ["project"]);
  expect(reserved(step(state, { type: "settle", id: "a", seq: 1, actual: 10n, wallMs }))).toEqual([
    "b",
    "c",
    "d",
  ]);
  expect(state.waiting.size).toBe(1);
});

test("of one budget a bounded number waits; whoever comes then is refused at once, and others wait as before", () => {
  const state = emptyEscrow(me);
  for (let n = 0; n < WAITERS_MAX; n++) wants(state, `w${n}`, 5n, ["key", "project"]);
  expect(wants(state, "late", 5n, ["project"])).toEqual([
    { type: "refuse", id: "late", code: "budget_unavailable" },
  ]);
  expect(wants(state, "else", 5n, ["other"])).toMatchObject([{ type: "ask" }]);
  expect(state.waiting.size).toBe(WAITERS_MAX + 1);
  expect(step(state, { type: "gave-up", id: "w0" })).toHaveLength(1);
  wants(state, "next", 5n, ["project"]);
  const req = state.asked.get("project")?.req ?? "";
  const denied = step(state, { type: "denied", req, code: "exhausted", spent: 4n, limit: 4n });
  expect(denied).toHaveLength(WAITERS_MAX);
  expect(denied.at(-1)).toEqual({ type: "refuse", id: "next", code: "request_exceeds_budget" });
  expect(state.waiting.size).toBe(1);
});

import { step } from "@claviger/shared/escrow/replica";
import { type EscrowState, emptyEscrow } from "@claviger/shared/escrow/replica-state";
import { EscrowReport } from "@claviger/shared/wire/escrow";
import { expect, test } from "vitest";
import { Reports } from "./report.ts";

const me = { replica: "rep_000000000001", boot: "1.aaaaaaaaa" };
const wallMs = 1_000;
const NANOS = 10n ** 16n;
const idOf = (n: number) => `slc_${String(n).padStart(12, "0")}`;

/** Slices of a hundred budgets; of the first ones nothing is left. */
function holding(count: number, drained: number): EscrowState {
  const state = emptyEscrow(me);
  for (let n = 0; n < count; n++) {
    const budget = `${n < drained ? "spent" : "bud"}_${n % 100}`;
    const slice = {
      ...me,
      id: idOf(n),
      req: `q${n}`,
      budget,
      amount: NANOS,
      startMs: 0,
      endMs: null,
      jws: "x",
    };
    step(state, { type: "slice", slice, wallMs });
    if (n >= drained) continue;
    const wanted = { id: `a${n}`, budgets: [budget], nanos: NANOS, about: null };
    step(state, { type: "reserve", wanted, wallMs });
    step(state, { type: "settle", id: wanted.id, seq: n + 1, actual: null, wallMs });
  }
  step(state, { type: "persisted", n: state.nextN - 1 });
  return state;
}

const none: ReadonlySet<string> = new Set();

test("more than a heartbeat can say is said in parts: what can be closed first, and all of it by and by", () => {
  const state = holding(9_000, 500);
  const reports = new Reports();
  const named = new Set<string>();
  for (let beat = 0; beat < 3; beat++) {
    const { escrow, escrowPart, escrowLeftOut } = reports.next(state, none, [], 500);
    expect([escrow, escrowLeftOut]).toEqual([undefined, true]);
    const { holding: lines } = EscrowReport.parse(escrowPart);
    const first = lines.slice(0, 500).map(({ slice }) => slice);
    expect(new Set(first)).toEqual(new Set(Array.from({ length: 500 }, (_, n) => idOf(n))));
    for (const { slice } of lines) named.add(slice);
  }
  expect(named.size).toBe(9_000);
});

test("when so much was closed that the rest fits, all of it is said again", () => {
  const state = holding(4_500, 1_000);
  const reports = new Reports();
  const part = reports.next(state, none, [], 1_000).escrowPart;
  for (const { slice, amount, spent } of part?.holding ?? [])
    if (amount === spent) step(state, { type: "closed", slice });
  step(state, { type: "persisted", n: state.nextN - 1 });
  const { escrow, escrowPart, escrowLeftOut } = reports.next(state, none, [], 1_000);
  expect(escrow?.holding).toHaveLength(3_500);
  expect([escrowPart, escrowLeftOut]).toEqual([undefined, undefined]);
});

test("a part fits into a message with all that else is said of budgets, and others are named beside very many empty ones", () => {
  const state = holding(8_000, 7_000);
  const demand = Array.from({ length: 4_000 }, (_, n) => ({
    ...{ budget: `bud_${String(n).padStart(12, "0")}`, hold: String(NANOS), mean: String(NANOS) },
  }));
  const show = new Set(Array.from({ length: 64 }, (_, n) => idOf(7_900 + n)));
  const reports = new Reports();
  const first = reports.next(state, show, demand, 1).escrowPart;
  expect(first?.holding.filter(({ jws }) => jws !== undefined)).toHaveLength(64);
  expect(JSON.stringify(first).length).toBeLessThanOrEqual(700_000);
  const named = new Set<string>();
  for (let beat = 0; beat < 12; beat++)
    for (const { slice } of reports.next(state, none, demand, 1).escrowPart?.holding ?? []) named.add(slice);
  expect(named.size).toBe(8_000);
});

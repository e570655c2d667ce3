import fc from "fast-check";
import { expect, test } from "vitest";
import { continuationOf, type IntakeInput, type ReplicaRow, takeIn } from "./intake.ts";

const NEVER: ReplicaRow = {
  epoch: 0,
  revApplied: 0,
  revEffective: 0,
  freshHiMs: null,
  lastSeenMs: null,
  boot: null,
};
const HEAD = { epoch: 2, rev: 10, chain: "c10" };

function input(
  heartbeat: Partial<IntakeInput["heartbeat"]> = {},
  changes: Partial<IntakeInput> = {},
): IntakeInput {
  return {
    head: HEAD,
    row: NEVER,
    heartbeat: {
      boot: "1.aaaa",
      nonce: "nonce-01",
      epoch: 2,
      revApplied: 10,
      revEffective: 10,
      chain: "c10",
      ...heartbeat,
    },
    chainAtHeld: undefined,
    nowMs: 1_000,
    ...changes,
  };
}

test("M3: the proof is recorded before it is spoken, and not later than the time it tells", () => {
  const { effects } = takeIn(input());
  expect(effects.map(({ type }) => type)).toEqual(["record", "answer"]);
  const [record, answer] = effects;
  if (record?.type !== "record" || answer?.type !== "answer") throw new Error("in that order");
  expect(record.row.freshHiMs).toBe(answer.cpTimeMs);
  expect(answer).toMatchObject({ asOf: 10, epoch: 2, chain: "c10", continuation: { kind: "current" } });
});

test("each proof ever spoken is in freshHi, also one that the replica cannot use yet", () => {
  for (const heartbeat of [{ epoch: 1, revApplied: 3 }, { epoch: 0, revApplied: 0 }, { chain: "other" }]) {
    const { row, effects } = takeIn(input(heartbeat));
    expect(effects.some(({ type }) => type === "answer")).toBe(true);
    expect(row.freshHiMs).toBe(1_000);
  }
});

test("heartbeats in any order never take a confirmation back, and never count one that was not made", () => {
  const beat = fc.record({
    epoch: fc.integer({ min: 1, max: 2 }),
    revApplied: fc.integer({ min: 0, max: 12 }),
    lag: fc.integer({ min: 0, max: 3 }),
    honest: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(beat, { maxLength: 20 }), (beats) => {
      let row = NEVER;
      let highest = 0;
      for (const { epoch, revApplied, lag, honest } of beats) {
        const revEffective = Math.max(0, revApplied - lag);
        const chain = honest ? `c${revApplied}` : "forked";
        const ours = epoch === HEAD.epoch && revApplied <= HEAD.rev;
        const chainAtHeld = ours ? `c${revApplied}` : undefined;
        const before = row;
        row = takeIn(input({ epoch, revApplied, revEffective, chain }, { row, chainAtHeld })).row;
        if (ours && honest) highest = Math.max(highest, revEffective);
        expect(row.revEffective).toBe(highest);
        expect(row.revEffective).toBeGreaterThanOrEqual(before.revEffective);
        expect(row.revApplied).toBeGreaterThanOrEqual(row.revEffective);
      }
    }),
  );
});

test("an older process, or a copy with the same count, is refused and renews nothing", () => {
  const row = { ...NEVER, boot: "2.bbbb", freshHiMs: 500 };
  for (const boot of ["1.aaaa", "2.cccc"]) {
    const outcome = takeIn(input({ boot }, { row }));
    expect(outcome).toEqual({ row, effects: [{ type: "refuse", code: "replica_conflict" }] });
  }
  expect(takeIn(input({ boot: "3.dddd" }, { row })).row.boot).toBe("3.dddd");
});

test("what a replica lacks follows from where it stands", () => {
  const held = (rev: number, chain = `c${rev}`, epoch = 2) => ({ epoch, rev, chain });
  expect(continuationOf(HEAD, held(10), undefined)).toEqual({ kind: "current" });
  expect(continuationOf(HEAD, held(4), "c4")).toEqual({ kind: "deltas", from: 4, to: 10 });
  expect(continuationOf(HEAD, held(4), undefined)).toEqual({ kind: "resync", why: "pruned" });
  expect(continuationOf(HEAD, held(4, "other"), "c4")).toEqual({ kind: "resync", why: "fork" });
  expect(continuationOf(HEAD, held(10, "other"), undefined)).toEqual({ kind: "resync", why: "fork" });
  expect(continuationOf(HEAD, held(11), "c11")).toEqual({ kind: "resync", why: "fork" });
  expect(continuationOf(HEAD, held(4, "c4", 1), "c4")).toEqual({ kind: "deltas", from: 4, to: 10 });
  expect(continuationOf(HEAD, held(10, "c10", 1), "c10")).toEqual({ kind: "deltas", from: 10, to: 10 });
  expect(continuationOf(HEAD, held(4, "c4", 1), undefined)).toEqual({ kind: "resync", why: "epoch" });
  expect(continuationOf(HEAD, held(4, "other", 1), "c4")).toEqual({ kind: "resync", why: "epoch" });
  expect(continuationOf(HEAD, held(0, "c0", 0), "c0")).toEqual({ kind: "resync", why: "epoch" });
  expect(continuationOf(HEAD, held(4, "c4", 3), "c4")).toEqual({ kind: "resync", why: "fork" });
});

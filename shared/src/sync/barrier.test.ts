import fc from "fast-check";
import { expect, test } from "vitest";
import { DRIFT_MAX, STEP_MS_MAX } from "./assumptions.ts";
import {
  type BarrierOperation,
  type BarrierReplica,
  DOWN_AFTER_MS,
  nobodyReachableIsMissing,
  operationView,
  refusesBy,
} from "./barrier.ts";
import { ageMs } from "./freshness.ts";

const COMMITTED = 1_800_000_000_000;
const operation: BarrierOperation = {
  id: "op_000000000001",
  effect: "restrictive",
  epoch: 3,
  rev: 1042,
  committedAtMs: COMMITTED,
};

function replica(changes: Partial<BarrierReplica> = {}): BarrierReplica {
  return {
    gatewayId: "gw_000000000001",
    name: "eu-1",
    replica: "rep_000000000001",
    enrolledAtMs: COMMITTED - 100_000,
    epoch: 3,
    revApplied: 1041,
    revEffective: 1041,
    freshHiMs: COMMITTED - 5_000,
    lastSeenMs: COMMITTED - 5_000,
    stalenessSecondsHi: 60,
    confirmedAtMs: null,
    aborted: 0,
    ...changes,
  };
}

const reached = { revApplied: 1042, revEffective: 1042, confirmedAtMs: COMMITTED + 20 };

test("I2: a replica whose clocks keep to the assumptions admits nothing after refusesBy", () => {
  fc.assert(
    fc.property(
      fc.record({
        proofBeforeCommitMs: fc.integer({ min: 0, max: 100_000_000 }),
        flightMs: fc.integer({ min: 0, max: 10_000 }),
        stalenessSeconds: fc.integer({ min: 30, max: 604_800 }),
        rate: fc.double({ min: 1 - DRIFT_MAX, max: 1 + DRIFT_MAX, noNaN: true }),
        stepMs: fc.double({ min: -STEP_MS_MAX, max: STEP_MS_MAX, noNaN: true }),
      }),
      ({ proofBeforeCommitMs, flightMs, stalenessSeconds, rate, stepMs }) => {
        const cpTimeMs = COMMITTED - proofBeforeCommitMs;
        // It asked before the control plane answered, and its clock has run and been stepped since.
        const sentAtMs = cpTimeMs - flightMs;
        const byMs = refusesBy(COMMITTED, cpTimeMs, stalenessSeconds);
        const elapsedMs = byMs + 1 - sentAtMs;
        const proof = {
          sentWallMs: 0,
          cpTimeMs,
          basis: { kind: "running", sentMonoMs: 0, receivedMonoMs: 0 },
        } as const;
        const now = { wallMs: elapsedMs * rate + stepMs, monoMs: elapsedMs * rate };
        expect(ageMs(proof, now)).toBeGreaterThan(stalenessSeconds * 1000);
      },
    ),
  );
});

test("a proof after the commit does not move refusesBy, because it carries the change", () => {
  expect(refusesBy(COMMITTED, COMMITTED + 60_000, 60)).toBe(refusesBy(COMMITTED, COMMITTED, 60));
  expect(refusesBy(COMMITTED, COMMITTED - 60_000, 60)).toBe(refusesBy(COMMITTED, COMMITTED, 60) - 60_000);
});

test("pending names who is missing and by when all are safe; then safe; then confirmed", () => {
  const missing = replica({ replica: "rep_000000000002", name: "us-1" });
  const both = [replica(reached), missing];
  const byMs = refusesBy(COMMITTED, missing.freshHiMs ?? 0, 60);
  const pending = operationView(operation, both, COMMITTED + 1_000);
  expect(pending).toMatchObject({
    revision: "3.1042",
    status: "pending",
    safeBy: new Date(byMs).toISOString(),
  });
  expect(pending.gateways.map(({ name, state }) => [name, state])).toEqual([
    ["eu-1", "confirmed"],
    ["us-1", "waiting"],
  ]);
  expect(nobodyReachableIsMissing(pending)).toBe(false);
  const unreachable = operationView(operation, both, COMMITTED - 5_000 + DOWN_AFTER_MS + 1);
  expect(unreachable.gateways[1]).toMatchObject({
    state: "unreachable",
    refusesBy: new Date(byMs).toISOString(),
    drainedBy: new Date(byMs + 3_600_000).toISOString(),
    lastSeen: new Date(COMMITTED - 5_000).toISOString(),
  });
  expect(nobodyReachableIsMissing(unreachable)).toBe(true);
  const safe = operationView(operation, both, byMs + 1);
  expect(safe.status).toBe("safe");
  expect(safe.safeBy).toBeUndefined();
  expect(safe.gateways[1]?.state).toBe("expired");
  const confirmed = operationView(operation, [replica(reached), { ...missing, ...reached }], byMs + 1);
  expect(confirmed.status).toBe("confirmed");
});

test("safeBy is the latest of those that are missing", () => {
  const view = operationView(
    operation,
    [replica({ stalenessSecondsHi: 604_800 }), replica({ stalenessSecondsHi: 30 })],
    COMMITTED,
  );
  expect(view.safeBy).toBe(new Date(refusesBy(COMMITTED, COMMITTED - 5_000, 604_800)).toISOString());
});

test("a restrictive change counts what is effective, a giving one what is applied", () => {
  const applied = replica({ revApplied: 1042, revEffective: 1041 });
  expect(operationView(operation, [applied], COMMITTED).status).toBe("pending");
  const giving = operationView({ ...operation, effect: "giving" }, [applied], COMMITTED);
  expect(giving.status).toBe("confirmed");
});

test("a giving change is never safe, only confirmed: nothing refuses by itself", () => {
  const view = operationView({ ...operation, effect: "giving" }, [replica()], COMMITTED + 1e9);
  expect(view).toMatchObject({ status: "pending" });
  expect(view.gateways[0]).not.toHaveProperty("refusesBy");
});

test("who was enrolled later, or never had a proof, is not waited for", () => {
  const later = replica({ enrolledAtMs: COMMITTED + 1 });
  const never = replica({ freshHiMs: null, lastSeenMs: null });
  expect(operationView(operation, [later, never], COMMITTED)).toMatchObject({
    status: "confirmed",
    gateways: [],
  });
});

test("a higher epoch is past the change, a lower one is not, whatever its revision", () => {
  const after = replica({ epoch: 4, revApplied: 0, revEffective: 0 });
  const before = replica({ epoch: 2, revApplied: 9_999, revEffective: 9_999 });
  expect(operationView(operation, [after], COMMITTED).status).toBe("confirmed");
  expect(operationView(operation, [before], COMMITTED).status).toBe("pending");
});

/** The mark below which a clock is known to have been set back has to go on growing while nobody answers. */
import { expect, test } from "vitest";
import { heartbeatFailed } from "./replica-answer.ts";
import { emptyReplica } from "./replica-state.ts";

const IDENTITY = { org: "org_000000000001", replica: "rep_000000000001", boot: "1.x" };
const at = (wallMs: number) => ({ wallMs, monoMs: wallMs });

function alone(highWaterMs: number) {
  const state = emptyReplica(IDENTITY);
  state.at = { ...state.at, epoch: 1, rev: 1 };
  state.clock = { ...state.clock, highWaterMs };
  return state;
}

test("while nobody answers the high-water mark of the clock goes to disk once a minute", () => {
  const state = alone(1_000_000);
  expect(heartbeatFailed(state, "n", at(1_059_999))).toEqual([]);
  expect(heartbeatFailed(state, "n", at(1_060_000))).toMatchObject([
    { type: "append", entry: { kind: "stamp", stamp: { clock: { highWaterMs: 1_060_000 } } } },
  ]);
  expect(state.clock.highWaterMs).toBe(1_060_000);
  expect(heartbeatFailed(state, "n", at(1_119_999))).toEqual([]);
  expect(heartbeatFailed(state, "n", at(1_120_000))).toHaveLength(1);
});

test("a clock that is set back lowers no mark, and a replica that holds nothing writes none", () => {
  const state = alone(1_000_000);
  expect(heartbeatFailed(state, "n", at(500_000))).toEqual([]);
  expect(state.clock.highWaterMs).toBe(1_000_000);
  expect(heartbeatFailed(emptyReplica(IDENTITY), "n", at(1_000_000))).toEqual([]);
});

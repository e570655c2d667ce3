import { expect, test } from "vitest";
import { gatewayState, replicaState } from "./fleet-state.ts";

const NOW_MS = 1_800_000_000_000;
const state = (runtime: "node" | "workers", silentS: number, bye = false) =>
  replicaState({ lastSeenMs: NOW_MS - silentS * 1000, bye, runtime }, NOW_MS);

test("an object that is silent is asleep for as long as its alarm may be away; a process is degraded, then down", () => {
  const after = [1, 20, 30, 600, 661];
  expect(after.map((s) => state("node", s))).toEqual(["online", "degraded", "down", "down", "down"]);
  expect(after.map((s) => state("workers", s))).toEqual(["online", "asleep", "asleep", "asleep", "down"]);
  expect(state("workers", 20, true)).toBe("down");
});

test("a gateway of which all sleep is asleep, one of which some are awake is online", () => {
  expect(gatewayState(["asleep", "asleep", "pending"])).toBe("asleep");
  expect(gatewayState(["asleep", "online"])).toBe("online");
  expect(gatewayState(["asleep", "down"])).toBe("degraded");
});

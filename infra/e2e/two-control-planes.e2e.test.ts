import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../local/types.ts";
import { startStack } from "../testing/stack.ts";
import { changeWhileOneDies, faultsOf } from "./proofs/two-control-planes.ts";

const CHANGES = 40;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ controlPlanes: 2 });
});
afterAll(() => stack?.stop());

test("of two control planes one is killed in the middle of many changes: nothing is lost, nothing made twice, everybody goes on", async () => {
  const outcome = await changeWhileOneDies(stack, CHANGES);
  expect(await faultsOf(stack, outcome, CHANGES)).toEqual([]);
  expect(outcome.made).toHaveLength(CHANGES);
}, 300_000);

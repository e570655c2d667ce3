import { expect, test } from "vitest";
import { batched } from "./batch.ts";

test("items of one group that wait in the same window run together, others apart, each with its own result", async () => {
  const runs: [string, readonly number[]][] = [];
  const take = batched<number, string>(2, async (group, items) => {
    runs.push([group, items]);
    return items.map((item) => `${group}${item}`);
  });
  expect(await Promise.all([take("a", 1), take("b", 2), take("a", 3)])).toEqual(["a1", "b2", "a3"]);
  expect(runs).toEqual([
    ["a", [1, 3]],
    ["b", [2]],
  ]);
});

test("what arrives during a run waits for it and shares the next one", async () => {
  const runs: (readonly number[])[] = [];
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let started = () => {};
  const first = new Promise<void>((resolve) => {
    started = resolve;
  });
  const take = batched<number, number>(0, async (_group, items) => {
    runs.push(items);
    started();
    if (runs.length === 1) await gate;
    return items;
  });
  const one = take("a", 1);
  await first;
  const others = [take("a", 2), take("a", 3)];
  release();
  expect(await Promise.all([one, ...others])).toEqual([1, 2, 3]);
  expect(runs).toEqual([[1], [2, 3]]);
});

test("a failing run fails its own items and no later one", async () => {
  let fail = true;
  const take = batched<number, number>(0, async (_group, items) => {
    if (fail) throw new Error("broken");
    return items;
  });
  await expect(Promise.all([take("a", 1), take("a", 2)])).rejects.toThrow("broken");
  fail = false;
  expect(await take("a", 3)).toBe(3);
});

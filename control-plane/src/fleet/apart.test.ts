import { expect, test } from "vitest";
import { togetherOrApart } from "./apart.ts";

const failure = (code: string) => new Error("query failed", { cause: Object.assign(new Error(), { code }) });

/** Doubles each; throws for everybody when a bad one is among them. */
function doubling(error: Error) {
  const runs: number[] = [];
  const run = async (items: readonly number[]) => {
    runs.push(items.length);
    if (items.includes(13)) throw error;
    return items.map((item) => item * 2);
  };
  return { runs, run };
}

test("without a failure all are done at once", async () => {
  const { runs, run } = doubling(new Error());
  expect(await togetherOrApart([1, 2], run)).toEqual([{ value: 2 }, { value: 4 }]);
  expect(runs).toEqual([2]);
});

test.each(["22003", "22P05", "23505", ""])("a value that fails (%s) is one item's failure", async (code) => {
  const error = code === "" ? new TypeError("no such thing") : failure(code);
  const { run } = doubling(error);
  expect(await togetherOrApart([1, 13, 3], run)).toEqual([{ value: 2 }, { error }, { value: 6 }]);
});

test.each(["CONNECTION_CLOSED", "57P01", "53300", "40P01"])(
  "no database (%s) is asked once",
  async (code) => {
    const error = failure(code);
    const { runs, run } = doubling(error);
    expect(await togetherOrApart([1, 13], run)).toEqual([{ error }, { error }]);
    expect(runs).toEqual([2]);
  },
);

import { expect, test } from "vitest";
import { type ChangesAfter, positionOf, shareReads } from "./changes.ts";

const answer: ChangesAfter = { complete: true, changes: [], revision: "1.2" };

test("whatever a stranger says that is no position is one and the same", () => {
  expect(positionOf("1.2")).toBe("1.2");
  const said = ["", "nonsense", "1.2\ndata: {}", "01234567890.1", "1.1234567890123456", "1.2 ", "-1.2"];
  expect(new Set(said.map(positionOf)).size).toBe(1);
  expect(said).not.toContain(positionOf("nonsense"));
});

test("who stands at one revision shares a read; so many revisions are kept, and no failure", async () => {
  const reads: string[] = [];
  let fails = true;
  const after = shareReads(async (revision) => {
    reads.push(revision);
    if (fails) throw new Error("the database is away");
    return answer;
  });
  await expect(Promise.all([after("1.1"), after("1.1")])).rejects.toThrow("away");
  expect(reads).toEqual(["1.1"]);
  fails = false;
  expect(await after("1.1")).toBe(answer);
  expect(await after("1.1")).toBe(answer);
  expect(reads).toHaveLength(2);
  for (let n = 2; n < 1_000; n += 1) await after(`1.${n}`);
  await after("1.999");
  expect(reads).toHaveLength(1_000);
  await after("1.1");
  expect(reads).toHaveLength(1_001);
});

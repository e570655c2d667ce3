import type { JournalRecord } from "@claviger/shared/escrow/held";
import { expect, test } from "vitest";
import { EscrowQueue } from "./escrow-queue.ts";

const heads = { usageNextSeq: 1, usageCursor: 0 };
const drop: JournalRecord = { kind: "drop", slice: "s" };

/** Commits of a thousand records, after each of which the shortest form of the journal has `short` lines. */
function commits(queue: EscrowQueue, count: number, short: () => number, written = () => true): boolean[] {
  const journal = queue.journal({
    heads: () => heads as never,
    unnumbered: () => 0,
    isBroken: () => false,
    commit: () => undefined,
  });
  journal.attach({
    persisted: () => undefined,
    compacted: () => Array.from({ length: short() }, () => drop),
  });
  return Array.from({ length: count }, (_, commit) => {
    for (let n = 0; n < 1_000; n++) journal.write(commit * 1_000 + n + 1, drop);
    const { escrow } = queue.take();
    const isWritten = written();
    queue.ended(isWritten);
    return isWritten && escrow?.anew === true;
  });
}

const anewOf = (said: readonly boolean[]) => said.flatMap((isAnew, at) => (isAnew ? [at] : []));

test("a journal that cannot be short is written anew when it is twice as long as it must be, not with each commit", () => {
  expect(anewOf(commits(new EscrowQueue(undefined), 120, () => 30_000))).toEqual([20, 51, 82, 113]);
});

test("a journal that can be short is written anew when it is long", () => {
  expect(anewOf(commits(new EscrowQueue(undefined), 70, () => 500))).toEqual([20, 40, 60]);
});

test("a journal that was long when the process began is written anew at once, also when that fails at first", () => {
  const queue = new EscrowQueue({ lines: 50_000, records: [], entries: [] });
  let failing = 3;
  const said = commits(
    queue,
    40,
    () => 30_000,
    () => failing-- <= 0,
  );
  expect(anewOf(said)).toEqual([3, 34]);
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLogStore } from "./log-store.ts";
import { openOpenJournal } from "./open-journal.ts";
import { createStateStore } from "./state-store.ts";
import { changeEntry, MASTER, REPLICA, stateRecord, type Taken } from "./testing/full-disk.ts";

/** In blocks of 512 bytes. The kernel writes what still fits and refuses the rest, as a full disk does. */
const FILE_BLOCKS_MAX = 512;

let folder: string;
let taken: Taken;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "claviger-full-"));
  const program = join(import.meta.dirname, "testing/full-disk.ts");
  const limited = ["-c", `ulimit -f ${FILE_BLOCKS_MAX}; exec "$0" "$@"`, process.execPath, program, folder];
  taken = JSON.parse(execFileSync("/bin/sh", limited, { encoding: "utf8" })) as Taken;
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a full disk costs what it did not take and nothing before or after it: state", async () => {
  expect(taken.state.length).toBeGreaterThan(20);
  const texts = async () => {
    const store = createStateStore(join(folder, "state"), MASTER, REPLICA);
    const { records, condition } = await store.load();
    return { store, condition, found: records.map((record) => Buffer.from(record).toString()) };
  };
  const first = await texts();
  expect([first.condition, first.found]).toEqual(["whole", taken.state]);
  await first.store.append([stateRecord(99_999)]);
  await first.store.close();
  const second = await texts();
  await second.store.close();
  expect([second.condition, second.found]).toEqual([
    "whole",
    [...taken.state, stateRecord(99_999).toString()],
  ]);
});

test("a full disk costs what it did not take and nothing before or after it: audit and logs", async () => {
  // Each commit takes several pages of the write-ahead log.
  expect(taken.log.length).toBeGreaterThan(3);
  const store = await openLogStore(join(folder, "log.sqlite"), REPLICA);
  try {
    expect((await store.heads()).auditN).toBe(taken.log.length);
    const { auditN } = await store.append({ entries: [changeEntry(99_999)], usageCursor: 0 });
    expect(auditN).toBe(taken.log.length + 1);
    expect(await store.verify()).toBeUndefined();
  } finally {
    await store.close();
  }
});

test("a full disk costs what it did not take and nothing before or after it: open records", async () => {
  expect(taken.open.length).toBeGreaterThan(20);
  const journal = await openOpenJournal(join(folder, "open"));
  const orphans = await journal.orphans();
  await journal.close();
  expect(orphans.map(({ requestId }) => requestId)).toEqual(taken.open);
});

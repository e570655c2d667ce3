import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attemptIdOf } from "../../attempt-id.ts";
import type { OpenRecord } from "../../ports.ts";
import { openOpenJournal } from "./open-journal.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "claviger-open-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function record(n: number): OpenRecord {
  return {
    requestId: `req_${String(n).padStart(12, "0")}`,
    atMs: n,
    keyId: "key_000000000001",
    generation: 1,
    projectId: "prj_000000000001",
    surface: "chat.completions",
    provider: "sandbox",
    llmKeyId: "llm_000000000001",
    model: "echo",
    ipPrefix: "10.0.0.0/24",
  };
}

const numbers = (records: readonly OpenRecord[]) => records.map(({ atMs }) => atMs);

test("what was open when the process ended is an orphan at the next start, what was settled is not", async () => {
  const journal = await openOpenJournal(folder);
  await Promise.all([1, 2, 3].map((n) => journal.open(record(n))));
  journal.settle(record(2).requestId);
  await journal.close();
  const next = await openOpenJournal(folder);
  expect(await next.orphans()).toEqual([record(1), record(3)]);
  next.settle(record(1).requestId);
  await next.close();
  const last = await openOpenJournal(folder);
  expect(numbers(await last.orphans())).toEqual([3]);
  await last.close();
});

test("a line that was cut by the end of the process costs only itself", async () => {
  const journal = await openOpenJournal(folder);
  await journal.open(record(1));
  await journal.close();
  const [name] = readdirSync(folder).sort().slice(-1);
  writeFileSync(join(folder, String(name)), `{"requestId":"req_0`, { flag: "a" });
  const next = await openOpenJournal(folder);
  expect(numbers(await next.orphans())).toEqual([1]);
  await next.close();
});

test("files go when nothing in them is open, oldest first, and an open request keeps those after it", async () => {
  const journal = await openOpenJournal(folder, 500);
  await journal.open(record(0));
  for (let n = 1; n <= 20; n++) {
    await journal.open(record(n));
    journal.settle(record(n).requestId);
  }
  expect(readdirSync(folder).length).toBeGreaterThan(3);
  await journal.close();
  const next = await openOpenJournal(folder, 500);
  expect(numbers(await next.orphans())).toEqual([0]);
  next.settle(record(0).requestId);
  for (let n = 21; n <= 25; n++) {
    await next.open(record(n));
    next.settle(record(n).requestId);
  }
  await next.open(record(26));
  expect(readdirSync(folder).length).toBeLessThan(4);
  await next.close();
});

test("a closed journal takes nothing, so that nothing is served without a record", async () => {
  const journal = await openOpenJournal(folder);
  await journal.close();
  await expect(journal.open(record(1))).rejects.toThrow("closed");
});

test("an attempt that is withdrawn and opened again is open, be it in one turn or in several", async () => {
  const journal = await openOpenJournal(folder);
  const again = { ...record(1), attempt: 2 };
  const id = attemptIdOf(again);
  const first = journal.open(again);
  journal.settle(id);
  await Promise.all([first, journal.open({ ...again, llmKeyId: "llm_000000000002" })]);
  await journal.open(record(2));
  journal.settle(record(2).requestId);
  await journal.open(record(2));
  await journal.close();
  const next = await openOpenJournal(folder);
  expect(await next.orphans()).toEqual([{ ...again, llmKeyId: "llm_000000000002" }, record(2)]);
  // Nothing is open any more then, so the files go.
  next.settle(id);
  next.settle(record(2).requestId);
  await next.close();
  const last = await openOpenJournal(folder);
  expect(await last.orphans()).toEqual([]);
  expect(readdirSync(folder)).toHaveLength(1);
  await last.close();
});

test("files in which an attempt stands open twice go all the same when it is settled", async () => {
  const line = `${JSON.stringify(record(1))}\n`;
  writeFileSync(join(folder, "open-000000001.jsonl"), line + line);
  writeFileSync(join(folder, "open-000000002.jsonl"), line);
  const journal = await openOpenJournal(folder, 1);
  expect(await journal.orphans()).toEqual([record(1)]);
  journal.settle(record(1).requestId);
  await journal.open(record(2));
  expect(readdirSync(folder).length).toBeLessThan(3);
  await journal.close();
});

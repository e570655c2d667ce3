import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { OpenRecord } from "../../ports.ts";
import { openOpenJournal } from "./open-journal.ts";

/** What the disk refuses. */
const disk = vi.hoisted(() => ({
  noNewFiles: false,
  bytesLeft: Number.POSITIVE_INFINITY,
  noTruncate: false,
}));

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  return {
    ...fs,
    openSync(...args: Parameters<typeof fs.openSync>) {
      if (disk.noNewFiles && String(args[0]).endsWith(".jsonl")) throw new Error("EMFILE");
      return fs.openSync(...args);
    },
    writeSync(fd: number, bytes: Buffer, at: number) {
      if (disk.bytesLeft === 0) throw new Error("ENOSPC");
      const done = fs.writeSync(fd, bytes, at, Math.min(bytes.length - at, disk.bytesLeft));
      disk.bytesLeft -= done;
      return done;
    },
    ftruncateSync(...args: Parameters<typeof fs.ftruncateSync>) {
      if (disk.noTruncate) throw new Error("EIO");
      fs.ftruncateSync(...args);
    },
  };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "claviger-open-"));
});
afterEach(() => {
  Object.assign(disk, { noNewFiles: false, bytesLeft: Number.POSITIVE_INFINITY, noTruncate: false });
  rmSync(folder, { recursive: true });
});

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

async function orphans(): Promise<number[]> {
  const next = await openOpenJournal(folder);
  const found = (await next.orphans()).map(({ atMs }) => atMs);
  await next.close();
  return found;
}

const LINE_BYTES = JSON.stringify(record(1)).length + 1;

test("a next file that cannot be opened leaves the journal on the full one, and nothing is written anywhere else", async () => {
  const journal = await openOpenJournal(folder, 1);
  disk.noNewFiles = true;
  await journal.open(record(1));
  // Gets the number of any descriptor that was given back meanwhile.
  const foreign = join(folder, "foreign");
  const fd = openSync(foreign, "a");
  await journal.open(record(2));
  expect(readFileSync(foreign, "utf8")).toBe("");
  disk.noNewFiles = false;
  await journal.open(record(3));
  expect(readdirSync(folder).filter((name) => name.startsWith("open-"))).toHaveLength(2);
  await journal.close();
  closeSync(fd);
  expect(await orphans()).toEqual([1, 2, 3]);
});

test("a record that could not be written whole is nowhere: no orphan at the next start, and no file is kept for it", async () => {
  const journal = await openOpenJournal(folder, LINE_BYTES);
  disk.bytesLeft = LINE_BYTES + 10;
  const both = [journal.open(record(1)), journal.open(record(2))];
  await expect(Promise.all(both)).rejects.toThrow("ENOSPC");
  disk.bytesLeft = Number.POSITIVE_INFINITY;
  await journal.open(record(3));
  journal.settle(record(3).requestId);
  await journal.open(record(4));
  expect(readdirSync(folder).length).toBeLessThan(3);
  await journal.close();
  expect(await orphans()).toEqual([4]);
});

test("a record that may stand in a file which cannot be cut back is marked as soon as the disk takes it", async () => {
  const journal = await openOpenJournal(folder);
  disk.bytesLeft = LINE_BYTES + 10;
  disk.noTruncate = true;
  const both = [journal.open(record(1)), journal.open(record(2))];
  await expect(Promise.all(both)).rejects.toThrow("ENOSPC");
  disk.bytesLeft = Number.POSITIVE_INFINITY;
  await journal.open(record(3));
  await journal.close();
  expect(await orphans()).toEqual([3]);
});

test("a mark that the disk did not take goes with the next write", async () => {
  const journal = await openOpenJournal(folder);
  await journal.open(record(1));
  disk.bytesLeft = 0;
  journal.settle(record(1).requestId);
  await expect(journal.open(record(2))).rejects.toThrow("ENOSPC");
  disk.bytesLeft = Number.POSITIVE_INFINITY;
  await journal.close();
  expect(await orphans()).toEqual([]);
});

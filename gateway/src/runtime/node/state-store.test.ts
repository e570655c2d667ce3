import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LoadedState, StateStore } from "../../ports.ts";
import { createStateStore } from "./state-store.ts";

const MASTER = new Uint8Array(32).fill(7);
const REPLICA = "rep_000000000001";
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "clv-state-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = (text: string) => Buffer.from(text);
const texts = ({ records }: LoadedState) => records.map((record) => Buffer.from(record).toString());

async function opened(): Promise<{ store: StateStore; loaded: LoadedState }> {
  const store = createStateStore(folder, MASTER, REPLICA);
  return { store, loaded: await store.load() };
}

async function reread(): Promise<LoadedState> {
  const { store, loaded } = await opened();
  await store.close();
  return loaded;
}

/** Two generations: `old` with its log, then `new` with its log in two batches. */
async function twoGenerations(): Promise<void> {
  const { store } = await opened();
  await store.replace([bytes("old")]);
  await store.append([bytes("old-1")]);
  await store.replace([bytes("new"), bytes("page")]);
  await store.append([bytes("new-1"), bytes("new-2")]);
  await store.append([bytes("new-3")]);
  await store.close();
}

const WHOLE = ["new", "page", "new-1", "new-2", "new-3"];

test("what was appended and replaced is read back in order, again and again", async () => {
  expect((await reread()).condition).toBe("empty");
  await twoGenerations();
  for (let i = 0; i < 3; i++) {
    const loaded = await reread();
    expect(loaded).toMatchObject({ condition: "whole", complaints: [] });
    expect(texts(loaded)).toEqual(WHOLE);
  }
  expect((await readdir(folder)).filter((name) => name.endsWith(".snapshot"))).toHaveLength(2);
});

test("a log before the first snapshot is whole too", async () => {
  const { store } = await opened();
  await store.append([bytes("a")]);
  await store.close();
  expect(await reread()).toMatchObject({ condition: "whole" });
});

test("a last record that was cut anywhere was never acknowledged: it is dropped, and writing goes on", async () => {
  await twoGenerations();
  const path = join(folder, "state-2.log");
  const whole = await readFile(path);
  const mark = await readFile(join(folder, "state.mark"));
  const store = createStateStore(folder, MASTER, REPLICA);
  await store.load();
  await store.append([bytes("torn")]);
  await store.close();
  // It is written when the record is whole, and before it is acknowledged.
  await writeFile(join(folder, "state.mark"), mark);
  const longer = await readFile(path);
  for (let length = whole.length; length < longer.length; length++) {
    await writeFile(path, longer.subarray(0, length));
    const loaded = await reread();
    expect(loaded.condition).toBe("whole");
    expect(texts(loaded)).toEqual(WHOLE);
  }
  const again = await opened();
  await again.store.append([bytes("next")]);
  await again.store.close();
  expect(await reread()).toMatchObject({ condition: "whole" });
  expect(texts(await reread())).toEqual([...WHOLE, "next"]);
});

test("any byte flipped in any file leaves no state with freshness, and no record that was not written (I8)", async () => {
  await twoGenerations();
  const written = new Set(["old", "old-1", ...WHOLE]);
  const inForce = ["state.pointer", "state.mark", "state-2.snapshot", "state-2.log"];
  const kept = new Map<string, Buffer>();
  for (const name of await readdir(folder)) kept.set(name, await readFile(join(folder, name)));
  for (const name of inForce) {
    const original = kept.get(name) as Buffer;
    for (let at = 0; at < original.length; at++) {
      const flipped = Buffer.from(original);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      await writeFile(join(folder, name), flipped);
      const loaded = await reread();
      expect(loaded.condition, `${name} byte ${at}`).toBe("damaged");
      for (const text of texts(loaded)) expect(written).toContain(text);
      await restore(kept);
    }
  }
});

async function restore(kept: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const name of await readdir(folder)) if (!kept.has(name)) await rm(join(folder, name));
  for (const [name, content] of kept) await writeFile(join(folder, name), content);
}

test("records cannot be taken out, moved or brought from another file", async () => {
  await twoGenerations();
  const path = join(folder, "state-2.log");
  const log = await readFile(path);
  const cut: Buffer[] = [];
  for (let at = 0; at < log.length; ) {
    const end = at + 8 + log.readUInt32BE(at);
    cut.push(log.subarray(at, end));
    at = end;
  }
  const [first, second, third] = cut as [Buffer, Buffer, Buffer];
  const foreign = await readFile(join(folder, "state-1.log"));
  for (const changed of [
    [second, third],
    [first, third],
    [second, first, third],
    [first, first, third],
    [foreign, second, third],
  ]) {
    await writeFile(path, Buffer.concat(changed));
    expect((await reread()).condition).toBe("damaged");
    await writeFile(join(folder, "state.pointer"), await pointerOf(2));
  }
});

/** The pointer as `replace` wrote it, taken from a store that did the same. */
async function pointerOf(generation: number): Promise<Buffer> {
  const other = await mkdtemp(join(tmpdir(), "clv-state-"));
  const store = createStateStore(other, MASTER, REPLICA);
  await store.load();
  for (let i = 0; i < generation; i++) await store.replace([bytes("x")]);
  await store.close();
  const pointer = await readFile(join(other, "state.pointer"));
  await rm(other, { recursive: true });
  return pointer;
}

test("the generation before stands in for one that cannot be read, as state without freshness", async () => {
  await twoGenerations();
  await truncate(join(folder, "state-2.snapshot"), 40);
  const loaded = await reread();
  expect(loaded.condition).toBe("damaged");
  expect(texts(loaded)).toEqual(["old", "old-1"]);
});

test("a file of the generation in force that is gone is damage, not an older state with freshness", async () => {
  for (const name of ["state-2.snapshot", "state-2.log", "state.pointer", "state.mark"]) {
    await rm(folder, { recursive: true, force: true });
    await twoGenerations();
    await rm(join(folder, name));
    expect((await reread()).condition, name).toBe("damaged");
  }
});

test("an older pointer put back is damage, and what is read is the generation that was in use", async () => {
  const { store } = await opened();
  await store.replace([bytes("old")]);
  await store.append([bytes("old-1")]);
  const older = await readFile(join(folder, "state.pointer"));
  const olderMark = await readFile(join(folder, "state.mark"));
  await store.replace([bytes("new")]);
  await store.append([bytes("new-1")]);
  await store.close();
  await writeFile(join(folder, "state.pointer"), older);
  const loaded = await reread();
  expect(loaded.condition).toBe("damaged");
  expect(texts(loaded)).toEqual(["new", "new-1"]);
  // With everything newer gone the older generation is whole: that it is older, only the audit log can tell.
  for (const name of ["state-2.snapshot", "state-2.log"]) await rm(join(folder, name));
  await writeFile(join(folder, "state.pointer"), older);
  expect(await reread()).toMatchObject({ condition: "damaged" });
  await writeFile(join(folder, "state.pointer"), older);
  await writeFile(join(folder, "state.mark"), olderMark);
  expect(await reread()).toMatchObject({ condition: "whole" });
});

test("a log that was cut between two records is damage: what was acknowledged is not forgotten in silence", async () => {
  await twoGenerations();
  const path = join(folder, "state-2.log");
  const whole = await readFile(path);
  const pointer = await readFile(join(folder, "state.pointer"));
  let n = 0;
  for (let at = 0; at < whole.length; at += 8 + whole.readUInt32BE(at), n++) {
    await writeFile(join(folder, "state.pointer"), pointer);
    await writeFile(path, whole.subarray(0, at));
    const loaded = await reread();
    expect(loaded.condition, `${n} records`).toBe("damaged");
    expect(loaded.complaints.join()).toContain("fewer records");
    expect((await reread()).condition, "and stays so").toBe("damaged");
  }
  expect(n).toBe(3);
});

test("a mark that a kill left behind its log is no damage", async () => {
  await twoGenerations();
  const mark = await readFile(join(folder, "state.mark"));
  const { store } = await opened();
  await store.append([bytes("new-4")]);
  await store.replace([bytes("newer")]);
  await store.close();
  await writeFile(join(folder, "state.mark"), mark);
  expect(await reread()).toMatchObject({ condition: "whole", complaints: [] });
});

test("damage is remembered over restarts, and ends with the next replacement", async () => {
  await twoGenerations();
  await truncate(join(folder, "state-2.snapshot"), 40);
  await reread();
  const { store, loaded } = await opened();
  expect(loaded.condition).toBe("damaged");
  await store.append([bytes("after")]);
  await store.close();
  const again = await opened();
  expect(again.loaded.condition).toBe("damaged");
  expect(texts(again.loaded)).toEqual(["old", "old-1", "after"]);
  await again.store.replace([bytes("fresh")]);
  await again.store.append([bytes("fresh-1")]);
  await again.store.close();
  const last = await reread();
  expect(last.condition).toBe("whole");
  expect(texts(last)).toEqual(["fresh", "fresh-1"]);
});

test("a replacement that was cut off before its pointer changes nothing", async () => {
  await twoGenerations();
  await writeFile(join(folder, "state-3.snapshot"), "half of it");
  await writeFile(join(folder, "state-3.log"), "");
  const { store, loaded } = await opened();
  expect(loaded.condition).toBe("whole");
  expect(texts(loaded)).toEqual(WHOLE);
  await store.replace([bytes("third")]);
  await store.close();
  expect(texts(await reread())).toEqual(["third"]);
});

test("another master key or another replica opens nothing", async () => {
  await twoGenerations();
  for (const store of [
    createStateStore(folder, new Uint8Array(32).fill(8), REPLICA),
    createStateStore(folder, MASTER, "rep_000000000002"),
  ]) {
    const loaded = await store.load();
    await store.close();
    expect(loaded.condition).toBe("damaged");
    expect(loaded.records).toEqual([]);
  }
});

test("no plaintext reaches the disk", async () => {
  const { store } = await opened();
  await store.replace([bytes("canary-in-a-snapshot")]);
  await store.append([bytes("canary-in-a-log")]);
  await store.close();
  for (const name of await readdir(folder)) {
    expect((await readFile(join(folder, name))).includes("canary")).toBe(false);
  }
});

test("closed in the midst of a replacement, it keeps no file open, and what was replaced is there", async () => {
  const { store } = await opened();
  await store.append([bytes("old")]);
  const replacing = store.replace([bytes("new")]);
  await store.close();
  await replacing;
  await expect(store.append([bytes("later")])).rejects.toThrow("loaded first");
  expect(texts(await reread())).toEqual(["new"]);
});

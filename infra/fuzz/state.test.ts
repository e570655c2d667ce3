/**
 * A gateway's files after anything has happened to them: cut, overwritten, swapped, doubled, filled with noise. They open
 * or say that they are damaged; what comes out was put in, and nothing that is not whole is called whole.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openOpenJournal } from "../../gateway/src/runtime/node/open-journal.ts";
import { createStateStore } from "../../gateway/src/runtime/node/state-store.ts";
import { runsOf } from "./values.ts";

const MASTER = new Uint8Array(32).fill(7);
const REPLICA = "rep_000000000001";
const WRITTEN = ["old", "old-1", "new", "page", "new-1", "new-2"];

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "claviger-fuzz-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What may happen to one file. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant("cut" as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant("noise" as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  }),
  fc.record({ kind: fc.constant("more" as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 80 }) }),
  fc.record({ kind: fc.constant("other" as const), of: fc.nat(9) }),
  fc.record({ kind: fc.constant("gone" as const) }),
  fc.record({ kind: fc.constant("all" as const), bytes: fc.uint8Array({ maxLength: 200 }) }),
);
const damages = fc.array(fc.tuple(fc.nat(9), damage), { minLength: 1, maxLength: 3 });

function spoil(
  files: Map<string, Buffer>,
  list: readonly (readonly [number, typeof damage extends fc.Arbitrary<infer T> ? T : never])[],
): void {
  for (const [n, what] of list) {
    const names = [...files.keys()];
    const name = names[n % names.length] ?? "";
    const bytes = Buffer.from(files.get(name) ?? "");
    if (what.kind === "gone") files.delete(name);
    else if (what.kind === "cut") files.set(name, bytes.subarray(0, Math.floor(what.at * bytes.length)));
    else if (what.kind === "more") files.set(name, Buffer.concat([bytes, what.bytes]));
    else if (what.kind === "all") files.set(name, Buffer.from(what.bytes));
    else if (what.kind === "other") files.set(name, files.get(names[what.of % names.length] ?? "") ?? bytes);
    else {
      bytes.set(
        what.bytes.subarray(0, Math.max(0, bytes.length - Math.floor(what.at * bytes.length))),
        Math.floor(what.at * bytes.length),
      );
      files.set(name, bytes);
    }
    if (files.size === 0) return;
  }
}

function readAll(from: string): Map<string, Buffer> {
  return new Map(
    readdirSync(from, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(join(from, name))]),
  );
}

function lay(files: ReadonlyMap<string, Buffer>): string {
  const place = mkdtempSync(join(folder, "run-"));
  for (const [name, bytes] of files) writeFileSync(join(place, name), bytes);
  return place;
}

test("I8: whatever happens to the state's files, it opens, gives back only what was written, and is whole only when it is", async () => {
  const store = createStateStore(folder, MASTER, REPLICA);
  await store.load();
  await store.replace([Buffer.from("old")]);
  await store.append([Buffer.from("old-1")]);
  await store.replace([Buffer.from("new"), Buffer.from("page")]);
  await store.append([Buffer.from("new-1"), Buffer.from("new-2")]);
  await store.close();
  const whole = readAll(folder);
  await fc.assert(
    fc.asyncProperty(damages, async (list) => {
      const files = new Map(whole);
      spoil(files, list);
      const place = lay(files);
      const opened = createStateStore(place, MASTER, REPLICA);
      const loaded = await opened.load();
      await opened.close();
      const texts = loaded.records.map((record) => Buffer.from(record).toString());
      for (const text of texts) expect(WRITTEN).toContain(text);
      if (loaded.condition === "whole") expect(texts).toEqual(["new", "page", "new-1", "new-2"]);
      rmSync(place, { recursive: true, force: true });
    }),
    runsOf(150),
  );
});

test.each(["null", "7", "{}", "[]", '{"requestId":7}', "true"])(
  "a line %s of the journal of open requests is nobody's",
  async (line) => {
    writeFileSync(
      join(folder, "open-000000001.jsonl"),
      `${line}\n${JSON.stringify(recordOf("req_000000000001"))}\n`,
    );
    const journal = await openOpenJournal(folder);
    expect((await journal.orphans()).map(({ requestId }) => requestId)).toEqual(["req_000000000001"]);
    await journal.close();
  },
);

test("whatever happens to the journal of open requests, it opens and gives back only what was written", async () => {
  const journal = await openOpenJournal(folder);
  const ids = Array.from({ length: 6 }, (_, n) => `req_00000000000${n}`);
  for (const requestId of ids) await journal.open(recordOf(requestId));
  await journal.close();
  const whole = readAll(folder);
  await fc.assert(
    fc.asyncProperty(damages, async (list) => {
      const files = new Map(whole);
      spoil(files, list);
      const place = lay(files);
      const opened = await openOpenJournal(place);
      for (const { requestId } of await opened.orphans()) expect(ids).toContain(requestId);
      await opened.close();
      rmSync(place, { recursive: true, force: true });
    }),
    runsOf(100),
  );
});

function recordOf(requestId: string) {
  return {
    ...{ requestId, atMs: 1, keyId: "key_000000000001", generation: 1, projectId: "prj_000000000001" },
    ...{
      surface: "chat.completions",
      provider: "sandbox",
      llmKeyId: "llm_000000000001",
      model: "echo",
      ipPrefix: "",
    },
  };
}

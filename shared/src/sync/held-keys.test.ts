import fc from "fast-check";
import { expect, test } from "vitest";
import { buildKey, fakeDigest } from "../testing/records.ts";
import { anyKey } from "../testing/rights.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import type { KeyRecord } from "../wire/record.ts";
import { HeldKeys } from "./held-keys.ts";

const hash = fc.record({
  hash: fc.constantFrom("a", "b", "c", "d").map(fakeDigest),
  generation: fc.constantFrom(1, 2),
  notAfterMs: fc.constantFrom(null, 5),
});
/** Of the usual form and of others: the two are held in different ways. */
const IDS = ["key_1", "key_000000000001", "key_zzzzzzzzzzzz", "agt_000000000001", "key_00000000000-"];
const anyHeld: fc.Arbitrary<KeyRecord> = fc
  .tuple(
    anyKey,
    fc.constantFrom(...IDS),
    fc.array(hash, { maxLength: 3 }),
    fc.constantFrom({}, { customer: "one" }, { customer: "two" }),
  )
  .map(([key, id, hashes, metadata]) => ({ ...key, id, hashes, metadata }));

test("whatever is put in comes out as it was, by its id and by each of its hashes, and by no hash that it lost", () => {
  fc.assert(
    fc.property(fc.array(anyHeld, { maxLength: 12 }), (records) => {
      const keys = new HeldKeys();
      const byId = new Map<string, KeyRecord>();
      const byHash = new Map<string, string>();
      for (const record of records) {
        for (const one of byId.get(record.id)?.hashes ?? [])
          if (byHash.get(one.hash) === record.id) byHash.delete(one.hash);
        byId.set(record.id, record);
        for (const one of record.hashes) byHash.set(one.hash, record.id);
        keys.set(record);
        expect(keys.get(record.id)).toEqual(record);
      }
      const byName = (a: KeyRecord, b: KeyRecord) => (a.id < b.id ? -1 : 1);
      expect([...keys.values()].sort(byName)).toEqual([...byId.values()].sort(byName));
      expect(keys.size).toBe(byId.size);
      for (const digest of ["a", "b", "c", "d"].map(fakeDigest)) {
        expect(keys.byHash(digest)).toEqual(byId.get(byHash.get(digest) ?? ""));
      }
    }),
  );
});

test("a key that is looked at stays the same object until it is changed", () => {
  const keys = new HeldKeys();
  keys.set(buildKey({ requestsPerMinute: 1 }));
  const { id, hashes } = buildKey();
  const before = keys.get(id);
  expect(keys.byHash(hashes[0]?.hash ?? "")).toBe(before);
  keys.set(buildKey({ requestsPerMinute: 2 }));
  expect(keys.get(id)).not.toBe(before);
  expect(keys.get(id)?.requestsPerMinute).toBe(2);
  expect(before?.requestsPerMinute).toBe(1);
});

test("what was looked at long ago is put together again as it was, and lists that are equal are one list", () => {
  const keys = new HeldKeys();
  const many = 10_000;
  for (let n = 0; n < many; n++) {
    const one = { hash: fakeDigest(`h${n}`), generation: 1, notAfterMs: null };
    keys.set(buildKey({ id: `key_${n}`, hashes: [one], allowedModels: ["gpt-5", "claude*"] }));
  }
  const first = keys.get("key_0");
  for (let n = 1; n < many; n++) expect(keys.get(`key_${n}`)?.allowedModels).toBe(first?.allowedModels);
  expect(keys.get("key_0")).not.toBe(first);
  expect(keys.get("key_0")).toEqual(first);
});

test("many keys come, change and go, and each that stays is found by its id and hash alone", () => {
  const random = seededRandom(3);
  const digit = () => "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[random.int(0, 61)];
  const text = (length: number) => Array.from({ length }, digit).join("");
  const keys = new HeldKeys();
  const model = new Map<string, KeyRecord>();
  const lost: string[] = [];
  const ids = Array.from({ length: 3_000 }, () => `key_${text(12)}`);
  for (let n = 0; n < 12_000; n++) {
    const id = ids[random.int(0, ids.length - 1)] as string;
    const made = { hash: text(43), generation: 1, notAfterMs: null };
    const before = model.get(id);
    if (before !== undefined) lost.push(...before.hashes.map((one) => one.hash));
    // A rotation leaves two hashes for a while: such a key is held in the other way.
    const hashes = random.int(0, 3) === 0 ? [made, { ...made, hash: text(43), notAfterMs: 5 }] : [made];
    const record = buildKey({ id, hashes, expiresAtMs: random.int(0, 4) === 0 ? n : null });
    model.set(id, record);
    keys.set(record);
  }
  expect(keys.size).toBe(model.size);
  for (const [id, record] of model) {
    expect(keys.get(id)).toEqual(record);
    for (const { hash } of record.hashes) expect(keys.byHash(hash)).toEqual(record);
  }
  for (const hash of lost) expect(keys.byHash(hash)).toBeUndefined();
});

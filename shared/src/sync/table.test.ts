import fc from "fast-check";
import { expect, test } from "vitest";
import { buildKey, fakeDigest, NOW_MS } from "../testing/records.ts";
import type { Change, KeyRecord, ProviderRecord } from "../wire/record.ts";
import { foldKey } from "./fold-key.ts";
import { Table } from "./table.ts";
import { keepTombstones } from "./tombstones.ts";

const status = fc.constantFrom<KeyRecord["status"]>("active", "inactive", "revoked", "deleted");
const record = fc
  .tuple(fc.integer({ min: 1, max: 3 }), status, fc.integer({ min: 0, max: 5 }))
  .map(([generation, is, n]) => buildKey({ generation, status: is, metadata: { n } }));

const height = ({ generation, status: is }: KeyRecord) =>
  generation * 3 + (is === "deleted" ? 2 : is === "revoked" ? 1 : 0);

function put(table: Table, key: KeyRecord): void {
  table.apply({ op: "put", kind: "key", id: key.id, record: key });
}

test("I3: folding anything in any order never moves (generation, status) down, and twice is once", () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 12 }), (records) => {
      let held: KeyRecord | undefined;
      for (const incoming of records) {
        const before = held;
        held = foldKey(before, incoming);
        if (before !== undefined) expect(height(held)).toBeGreaterThanOrEqual(height(before));
        expect(foldKey(held, held)).toEqual(held);
      }
    }),
  );
});

test("a record of an earlier generation gives nothing: what it meets is closed or stays dead", () => {
  fc.assert(
    fc.property(record, record, (held, incoming) => {
      if (incoming.generation >= held.generation) return;
      const folded = foldKey(held, incoming);
      expect(folded.generation).toBe(held.generation);
      expect(folded.status).not.toBe("active");
      expect(folded.hashes).toEqual(held.hashes);
    }),
  );
});

test("every hash of every key finds it, also after rotation, and a hash that is gone finds nothing", () => {
  const table = new Table();
  const first = { hash: fakeDigest("a"), generation: 1, notAfterMs: null };
  const second = { hash: fakeDigest("b"), generation: 2, notAfterMs: null };
  put(table, buildKey({ hashes: [first] }));
  put(table, buildKey({ generation: 2, hashes: [{ ...first, notAfterMs: 5 }, second] }));
  expect(table.byHash(first.hash)?.hash.notAfterMs).toBe(5);
  expect(table.byHash(second.hash)?.key.generation).toBe(2);
  put(table, buildKey({ generation: 2, hashes: [second] }));
  expect(table.byHash(first.hash)).toBeUndefined();
  expect(table.byHash(fakeDigest("nobody"))).toBeUndefined();
});

test("after a snapshot the dead are dead, living keys that it does not name are gone, and what differs is told", () => {
  const held = new Table();
  const [dead, alive, revived] = ["1", "2", "3"].map((n) => `key_00000000000${n}`) as [
    string,
    string,
    string,
  ];
  put(held, buildKey({ id: dead, status: "deleted" }));
  put(held, buildKey({ id: alive }));
  put(held, buildKey({ id: revived, status: "revoked" }));
  const next = new Table();
  put(next, buildKey({ id: revived }));
  const { kept, disputed } = keepTombstones(held, next);
  expect(next.key(dead)?.status).toBe("deleted");
  expect(next.key(alive)).toBeUndefined();
  expect(next.key(revived)?.status).toBe("revoked");
  expect(kept.map(({ id }) => id).sort()).toEqual([dead, revived]);
  expect(disputed).toEqual([revived]);
});

test("LLM keys are found by project in id order, and move and go with their records", () => {
  const table = new Table();
  const provider = (id: string, projectId: string): ProviderRecord => ({
    id,
    projectId,
    provider: "sandbox",
    name: "sandbox",
    baseUrl: "http://127.0.0.1:1",
    models: [],
    secretVersion: 1,
  });
  const ids = (projectId: string) => table.providersOf(projectId).map(({ id }) => id);
  for (const id of ["llm_c", "llm_a", "llm_b"]) {
    table.apply({ op: "put", kind: "provider", id, record: provider(id, "prj_1") });
  }
  expect(ids("prj_1")).toEqual(["llm_a", "llm_b", "llm_c"]);
  table.apply({ op: "put", kind: "provider", id: "llm_b", record: provider("llm_b", "prj_2") });
  table.apply({ op: "del", kind: "provider", id: "llm_a" });
  expect(ids("prj_1")).toEqual(["llm_c"]);
  expect(ids("prj_2")).toEqual(["llm_b"]);
});

test("the longest staleness is that of active keys only", () => {
  const table = new Table();
  expect(table.longestStalenessSeconds()).toBeUndefined();
  put(table, buildKey({ id: "key_1", maxStalenessSeconds: 60 }));
  put(table, buildKey({ id: "key_2", maxStalenessSeconds: 900 }));
  expect(table.longestStalenessSeconds()).toBe(900);
  put(table, buildKey({ id: "key_2", maxStalenessSeconds: 900, status: "revoked" }));
  expect(table.longestStalenessSeconds()).toBe(60);
  put(table, buildKey({ id: "key_1", maxStalenessSeconds: 60, status: "inactive" }));
  expect(table.longestStalenessSeconds()).toBeUndefined();
});

test("what a table says of itself makes the same table again", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 8 }), (records) => {
      const table = new Table();
      for (const [i, key] of records.entries()) put(table, { ...key, id: `key_${i % 4}` });
      const again = new Table();
      for (const change of table.changes()) again.apply(change);
      expect([...again.changes()]).toEqual([...table.changes()]);
    }),
  );
});

test("agents are keys that no hash leads to; killed tokens are held until they are taken back", () => {
  const table = new Table();
  const agent = buildKey({ id: "agt_000000000001", kind: "agent", hashes: [] });
  const denied = { id: "tok_000000000001", keyId: agent.id, expiresAtMs: NOW_MS };
  const changes: Change[] = [
    { op: "put", kind: "agent", id: agent.id, record: agent },
    { op: "put", kind: "deny_jti", id: denied.id, record: denied },
  ];
  for (const change of changes) table.apply(change);
  expect(table.key(agent.id)).toEqual(agent);
  expect([...table.changes()]).toEqual(changes);
  expect([table.denied(denied.id), table.denied("tok_000000000002")]).toEqual([true, false]);
  table.apply({ op: "put", kind: "agent", id: agent.id, record: { ...agent, status: "revoked" } });
  table.apply({ op: "put", kind: "agent", id: agent.id, record: agent });
  expect(table.key(agent.id)?.status).toBe("revoked");
  table.apply({ op: "del", kind: "deny_jti", id: denied.id });
  expect(table.denied(denied.id)).toBe(false);
});

import { expect, test } from "vitest";
import { buildKey } from "../testing/records.ts";
import type { Delta } from "../wire/delta.ts";
import type { Tomb } from "../wire/heartbeat.ts";
import type { KeyRecord } from "../wire/record.ts";
import { step } from "./replica.ts";
import { emptyReplica, type ReplicaEvent, type ReplicaState, stampOf } from "./replica-state.ts";
import { restore } from "./restore.ts";
import { Table } from "./table.ts";

const ORG = "org_000000000001";
const IDENTITY = { org: ORG, replica: "rep_000000000001", boot: "1.aaaa" };
const NOW = { wallMs: 1_000_000, monoMs: 1_000 };
const KEY = buildKey().id;
const chain = (n: number) => `c${n}`.padEnd(43, "_");

function snapshot(epoch: number, rev: number, ...keys: KeyRecord[]) {
  const table = new Table();
  for (const record of keys) table.apply({ op: "put", kind: "key", id: record.id, record });
  return { type: "snapshot", org: ORG, at: { epoch, rev, chain: chain(rev) }, table, token: {} } as const;
}

function put(epoch: number, rev: number, record: KeyRecord) {
  const delta: Delta = {
    v: 1,
    org: ORG,
    epoch,
    rev,
    prev: chain(rev - 1),
    atMs: 0,
    actor: { kind: "system", id: "", name: "" },
    action: "api-key.tombstone",
    restrictive: true,
    inflight: "abort",
    operation: null,
    changes: [{ op: "put", kind: "key", id: record.id, record }],
  };
  return { type: "delta", delta, chainAfter: chain(rev), jws: "" } as const;
}

/** A replica that was at epoch 1, revision 7, and is given the snapshot of a database that was set back to 5. */
function setBack(held: KeyRecord[], restored: KeyRecord[]): ReplicaState {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshot(1, 7, ...held));
  expect(told(state)).toEqual([]);
  dispatch(state, snapshot(2, 5, ...restored));
  return state;
}

function dispatch(state: ReplicaState, event: ReplicaEvent): void {
  step(state, event, NOW);
}

function told(state: ReplicaState): Tomb[] {
  const { effects } = step(state, { type: "beat", nonce: `nonce-${state.outstanding.size}` }, NOW);
  return effects.flatMap((effect) => (effect.type === "heartbeat" ? (effect.message.tombs ?? []) : []));
}

const revoked = buildKey({ status: "revoked" });

test("a revocation that the database lost is told in every heartbeat until the history has it again", () => {
  const state = setBack([revoked], [buildKey()]);
  const tomb = { id: KEY, generation: 1, status: "revoked" };
  expect(told(state)).toEqual([tomb]);
  expect(told(state)).toEqual([tomb]);
  dispatch(state, put(2, 6, buildKey({ metadata: { edited: true } })));
  expect(told(state)).toEqual([tomb]);
  dispatch(state, put(2, 7, revoked));
  expect(told(state)).toEqual([]);
  expect(state.table.key(KEY)?.status).toBe("revoked");
});

test("a lost rotation closes the key and is told as the generation that the database does not know", () => {
  const state = setBack([buildKey({ generation: 2 })], [buildKey()]);
  expect(told(state)).toEqual([{ id: KEY, generation: 2, status: "inactive" }]);
  expect(state.table.key(KEY)?.status).toBe("inactive");
});

test("a dead key that the database has never heard of is kept, and nobody is told of it", () => {
  const state = setBack([revoked], []);
  expect(state.table.key(KEY)?.status).toBe("revoked");
  expect(told(state)).toEqual([]);
});

test("what is told survives a restart, and so does what is kept to oneself", () => {
  const unknown = buildKey({ id: "key_0000unknown0", status: "deleted" });
  const state = setBack([revoked, unknown], [buildKey()]);
  const entries = [snapshot(2, 5, buildKey()), { type: "stamp", stamp: stampOf(state) } as const];
  const restored = restore(IDENTITY, entries, true, NOW).state;
  expect(restored.table.key(unknown.id)?.status).toBe("deleted");
  expect(told(restored)).toEqual([{ id: KEY, generation: 1, status: "revoked" }]);
});

test("two hundred are told at once, and the others when those are settled", () => {
  const ids = Array.from({ length: 250 }, (_, n) => `key_${String(n).padStart(12, "0")}`);
  const state = setBack(
    ids.map((id) => buildKey({ id, status: "revoked" })),
    ids.map((id) => buildKey({ id })),
  );
  const first = told(state);
  expect(first).toHaveLength(200);
  first.forEach(({ id }, n) => {
    dispatch(state, put(2, 6 + n, buildKey({ id, status: "revoked" })));
  });
  expect(told(state)).toHaveLength(50);
});

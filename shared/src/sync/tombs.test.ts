import { expect, test } from "vitest";
import { buildKey, buildProvider, fakeDigest } from "../testing/records.ts";
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
  expect(state.table.closed(KEY)).toBe(true);
  const entries = [snapshot(2, 5, buildKey()), { type: "stamp", stamp: stampOf(state) } as const];
  expect(restore(IDENTITY, entries, true, NOW).state.table.closed(KEY)).toBe(true);
  dispatch(state, snapshot(2, 6, buildKey()));
  expect(state.table.closed(KEY)).toBe(true);
  dispatch(state, put(2, 7, buildKey({ generation: 2, status: "inactive" })));
  expect(state.table.key(KEY)?.status).toBe("inactive");
  expect(state.table.closed(KEY)).toBe(false);
});

test("a secret that the history made after it had lost a rotation is known, and is closed and not nobody's", () => {
  const entry = (text: string, generation: number) => ({
    hash: fakeDigest(text),
    generation,
    notAfterMs: null,
  });
  const state = setBack(
    [buildKey({ generation: 3, hashes: [entry("old", 3)] })],
    [buildKey({ generation: 1, hashes: [entry("old", 1)] })],
  );
  dispatch(state, put(2, 6, buildKey({ generation: 2, hashes: [entry("new", 2)] })));
  for (const text of ["old", "new"]) {
    expect(state.table.byHash(fakeDigest(text))?.key.id).toBe(KEY);
  }
  expect(state.table.closed(KEY)).toBe(true);
});

test("what its owner deactivated, or is dead, is not closed by caution", () => {
  expect(setBack([buildKey()], [buildKey({ status: "inactive" })]).table.closed(KEY)).toBe(false);
  expect(setBack([revoked], [buildKey()]).table.closed(KEY)).toBe(false);
});

const TOKEN = { id: "tok_000000000001", keyId: KEY, expiresAtMs: 5_000_000 };
const HOUR_MS = 3_600_000;

/** A replica that holds a living key, one token of which is killed; then the database is set back to before that. */
function withDenial(): ReplicaState {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshot(1, 7, buildKey()));
  dispatch(state, deny(1, 8, "put"));
  expect(told(state)).toEqual([]);
  dispatch(state, snapshot(2, 5, buildKey()));
  return state;
}

function deny(epoch: number, rev: number, op: "put" | "del") {
  const event = put(epoch, rev, buildKey());
  const change =
    op === "put"
      ? ({ op, kind: "deny_jti", id: TOKEN.id, record: TOKEN } as const)
      : ({ op, kind: "deny_jti", id: TOKEN.id } as const);
  return { ...event, delta: { ...event.delta, changes: [change] } };
}

function answer(state: ReplicaState, cpTimeMs: number): void {
  const nonce = `asked at ${cpTimeMs}`;
  dispatch(state, { type: "beat", nonce });
  const { epoch, rev, chain: head } = state.at;
  const { org, replica, boot } = IDENTITY;
  const about = { org, replica, boot, nonce, epoch, asOf: rev, chain: head, cpTimeMs };
  const empty = { deltas: [], resync: false, usageCursor: 0, nextHeartbeatMs: 10_000 };
  dispatch(state, { type: "fresh", fresh: { v: 1, ...about, ...empty } });
}

test("a killed token stays dead when the database lost that, and is told until the history has it again", () => {
  const state = withDenial();
  const tomb = { id: TOKEN.id, status: "denied", keyId: KEY, expiresAtMs: TOKEN.expiresAtMs };
  expect(state.table.denied(TOKEN.id)).toBe(true);
  expect(told(state)).toEqual([tomb]);
  dispatch(state, snapshot(2, 6, buildKey()));
  expect(told(state)).toEqual([tomb]);
  dispatch(state, deny(2, 7, "put"));
  expect(told(state)).toEqual([]);
  expect(state.table.denied(TOKEN.id)).toBe(true);
  dispatch(state, deny(2, 8, "del"));
  expect(state.table.denied(TOKEN.id)).toBe(false);
});

test("a killed token that the database lost stays dead over restarts and the next loss", () => {
  const entries = [snapshot(2, 5, buildKey()), { type: "stamp", stamp: stampOf(withDenial()) } as const];
  const { state } = restore(IDENTITY, entries, true, NOW);
  expect(state.table.denied(TOKEN.id)).toBe(true);
  expect(told(state)).toHaveLength(1);
  dispatch(state, snapshot(3, 4, buildKey()));
  expect(state.table.denied(TOKEN.id)).toBe(true);
});

test("what the same history has forgotten is forgotten", () => {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshot(1, 7, buildKey()));
  dispatch(state, deny(1, 8, "put"));
  dispatch(state, snapshot(1, 9, buildKey()));
  expect([state.table.denied(TOKEN.id), [...state.denials]]).toEqual([false, []]);
});

test("what is kept of a killed token ends an hour after the token, by the control plane's clock", () => {
  const state = withDenial();
  answer(state, TOKEN.expiresAtMs + HOUR_MS - 1);
  expect(state.table.denied(TOKEN.id)).toBe(true);
  answer(state, TOKEN.expiresAtMs + HOUR_MS);
  expect([state.table.denied(TOKEN.id), stampOf(state).denials, told(state)]).toEqual([false, [], []]);
});

test("of a killed token whose parent the database does not have nobody is told: it is nobody's", () => {
  const state = withDenial();
  dispatch(state, snapshot(3, 4));
  expect([state.table.denied(TOKEN.id), told(state)]).toEqual([true, []]);
});

test("a token is closed by a denial that cannot be read, until a readable change is at or past it", () => {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshot(1, 7, buildKey()));
  dispatch(state, unreadable(9, [], [], [TOKEN.id]));
  expect(state.pending.at(-1)?.abort?.tokenIds).toEqual(new Set([TOKEN.id]));
  expect(state.table.closed(TOKEN.id)).toBe(true);
  dispatch(state, put(1, 8, buildKey()));
  expect(state.table.closed(TOKEN.id)).toBe(true);
  dispatch(state, deny(1, 9, "put"));
  expect([state.table.closed(TOKEN.id), state.table.denied(TOKEN.id)]).toEqual([false, true]);
});

/** A signed change that this version cannot read. */
function unreadable(rev: number, keyIds: string[], providerIds: string[], tokenIds: string[] = []) {
  const facts = { org: ORG, epoch: 1, rev, restrictive: true, keyIds, providerIds, tokenIds };
  return { type: "unreadable", ...facts, code: "unsupported", detail: "", jws: "" } as const;
}

test("what cannot be read and takes away is acted on once, also when it names no key", () => {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshot(1, 7, buildKey()));
  const ends = (event: ReplicaEvent) => {
    const { effects } = step(state, event, NOW);
    const written = effects.flatMap((effect) => (effect.type === "append" ? [effect.n] : []));
    return written.flatMap((n) => step(state, { type: "persisted", n }, NOW).effects);
  };
  const aborts = ends(unreadable(9, [], ["llm_1"])).flatMap((effect) =>
    effect.type === "abort" ? [[...effect.abort.providerIds]] : [],
  );
  expect(aborts).toEqual([["llm_1"]]);
  expect(ends(unreadable(9, [], ["llm_1"]))).toEqual([]);
  expect(ends(unreadable(8, [], ["llm_2"]))).not.toEqual([]);
  expect(ends(unreadable(9, [], ["llm_1"]))).toEqual([]);
  expect(state.table.key(KEY)?.status).toBe("active");
});

test("a key is closed by what cannot be read until a readable change is at or past it", () => {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshot(1, 7, buildKey()));
  dispatch(state, unreadable(9, [KEY], []));
  expect(state.table.closed(KEY)).toBe(true);
  dispatch(state, put(1, 8, buildKey()));
  expect(state.table.closed(KEY)).toBe(true);
  dispatch(state, snapshot(1, 9, buildKey({ status: "inactive" })));
  expect(state.table.closed(KEY)).toBe(false);
  expect([...state.unread]).toEqual([]);
});

test("an LLM key is closed by what cannot be read until a readable change is at or past it", () => {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshot(1, 7, buildKey()));
  const provider = buildProvider();
  state.table.apply({ op: "put", kind: "provider", id: provider.id, record: provider });
  dispatch(state, unreadable(9, [], [provider.id]));
  expect([state.table.closed(provider.id), state.table.closed(KEY)]).toEqual([true, false]);
  dispatch(state, put(1, 8, buildKey()));
  expect(state.table.closed(provider.id)).toBe(true);
  dispatch(state, snapshot(1, 9, buildKey()));
  expect(state.table.closed(provider.id)).toBe(false);
});

test("a snapshot that lies before it is written down together with what closes a key", () => {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshot(1, 5, buildKey()));
  for (const rev of [9, 8]) dispatch(state, { ...unreadable(rev, [KEY], []), jws: `unreadable ${rev}` });
  const writes = (rev: number) =>
    step(state, snapshot(1, rev, buildKey()), NOW).effects.flatMap((effect) =>
      effect.type === "replace" ? [effect.deltas] : [],
    );
  expect(writes(6)).toEqual([["unreadable 8", "unreadable 9"]]);
  expect(writes(8)).toEqual([["unreadable 9"]]);
  expect(state.table.closed(KEY)).toBe(true);
  expect(writes(9)).toEqual([[]]);
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

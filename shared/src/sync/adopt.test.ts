/** A replica and the next epoch: who may go on with what it holds, and what stays (PROTOCOL §2.4). */
import { expect, test } from "vitest";
import { buildKey } from "../testing/records.ts";
import type { Delta } from "../wire/delta.ts";
import { ageMs } from "./freshness.ts";
import { step } from "./replica.ts";
import {
  type EpochEvent,
  emptyReplica,
  type ReplicaEffect,
  type ReplicaEvent,
  type ReplicaState,
  type SnapshotEvent,
} from "./replica-state.ts";
import { restore } from "./restore.ts";
import { Table } from "./table.ts";

const ORG = "org_000000000001";
const IDENTITY = { org: ORG, replica: "rep_000000000001", boot: "1.aaaa" };
const NOW = { wallMs: 1_000_000, monoMs: 1_000 };
const KEY = buildKey().id;
const chain = (name: number | string) => `c${name}`.padEnd(43, "_");

function dispatch(state: ReplicaState, event: ReplicaEvent): ReplicaEffect[] {
  return step(state, event, NOW).effects;
}

const codes = (effects: readonly ReplicaEffect[]) =>
  effects.map((effect) => ("code" in effect ? `${effect.type} ${effect.code}` : effect.type));

function snapshotAt(rev: number, status: "active" | "revoked" = "active"): SnapshotEvent {
  const table = new Table();
  table.apply({ op: "put", kind: "key", id: KEY, record: buildKey({ status }) });
  return { type: "snapshot", org: ORG, at: { epoch: 3, rev, chain: chain(rev) }, table, token: {} };
}

/** "Epoch 4 continues epoch 3 at 5." */
function epoch(change: Partial<EpochEvent> = {}, at: Partial<EpochEvent["at"]> = {}): EpochEvent {
  const begins = { epoch: 4, rev: 5, chain: chain(5), ...at };
  return { type: "epoch", org: ORG, continues: 3, at: begins, jws: "epoch-4", ...change };
}

function delta(epochOf: number, rev: number, prev: string, restrictive = false): ReplicaEvent {
  const fields: Delta = {
    v: 1,
    org: ORG,
    epoch: epochOf,
    rev,
    prev,
    atMs: 0,
    actor: { kind: "system", id: "", name: "" },
    action: "api-key.edit",
    restrictive,
    inflight: "drain",
    operation: null,
    changes: [],
  };
  return { type: "delta", delta: fields, chainAfter: chain(rev), jws: `${epochOf}.${rev}` };
}

/** At 3.5, on disk, with a proof. */
function proved(): ReplicaState {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshotAt(5));
  dispatch(state, { type: "persisted", n: 1 });
  dispatch(state, { type: "beat", nonce: "nonce-01" });
  const { org, replica, boot } = IDENTITY;
  const proof = { epoch: 3, cpTimeMs: NOW.wallMs, asOf: 5, chain: chain(5), resync: false };
  const rest = { deltas: [], usageCursor: 0, nextHeartbeatMs: 10_000 };
  dispatch(state, {
    type: "fresh",
    fresh: { v: 1, org, replica, boot, nonce: "nonce-01", ...proof, ...rest },
  });
  return state;
}

test("who holds exactly what the epoch continues goes on with all of it, its proof too, and speaks of it when it is on disk", () => {
  const state = proved();
  const { table } = state;
  const [append] = dispatch(state, epoch());
  expect(append).toEqual({ type: "append", n: 3, entry: { kind: "delta", jws: "epoch-4" } });
  expect(state.at).toEqual({ epoch: 4, rev: 5, chain: chain(5) });
  expect(state.durable.epoch).toBe(3);
  expect(state.table).toBe(table);
  expect(ageMs(state.proof, NOW)).toBe(0);
  expect(codes(dispatch(state, { type: "persisted", n: 3 }))).toEqual(["speak"]);
  expect(state.durable).toEqual({ epoch: 4, rev: 5, chain: chain(5) });
  expect(codes(dispatch(state, delta(4, 6, chain(5))))).toEqual(["append"]);
});

test.each<[string, EpochEvent]>([
  ["an earlier revision", epoch({}, { rev: 4, chain: chain(4) })],
  ["a later revision", epoch({}, { rev: 6, chain: chain(6) })],
  ["another history of the same length", epoch({}, { chain: chain("other") })],
  ["another epoch", epoch({ continues: 2 })],
])("an epoch that continues %s is not adopted, and what follows is asked for", (_what, event) => {
  const state = proved();
  expect(codes(dispatch(state, event))).toEqual(["dropped behind", "sync"]);
  expect(state.at).toEqual({ epoch: 3, rev: 5, chain: chain(5) });
});

test("an epoch of another organization, an earlier one and the present one change nothing", () => {
  const state = proved();
  expect(codes(dispatch(state, epoch({ org: "org_000000000002" })))).toEqual(["dropped wrong_org"]);
  expect(codes(dispatch(state, epoch({}, { epoch: 3 })))).toEqual(["dropped old_epoch"]);
  dispatch(state, epoch());
  expect(codes(dispatch(state, epoch()))).toEqual(["dropped old_epoch"]);
  expect(state.at.epoch).toBe(4);
});

test("what waited for the lower epoch's future is forgotten", () => {
  const state = proved();
  dispatch(state, delta(3, 7, chain(6)));
  dispatch(state, epoch());
  dispatch(state, delta(4, 6, chain(5)));
  expect(state.at).toMatchObject({ epoch: 4, rev: 6 });
  expect(state.buffer.size).toBe(0);
});

test("who has seen two histories, or closed a key by caution, takes a whole snapshot instead", () => {
  const forked = proved();
  dispatch(forked, delta(3, 6, chain("other")));
  expect(dispatch(forked, epoch())).toContainEqual({ type: "sync", from: forked.at, whole: true });
  expect(forked.at.epoch).toBe(3);
  const careful = proved();
  const unreadable = {
    org: ORG,
    epoch: 3,
    rev: 6,
    restrictive: true,
    keyIds: [KEY],
    providerIds: [],
    tokenIds: [],
  };
  dispatch(careful, {
    type: "unreadable",
    ...unreadable,
    code: "unsupported",
    detail: "",
    jws: "unreadable",
  });
  expect(dispatch(careful, epoch())).toContainEqual({ type: "sync", from: careful.at, whole: true });
  expect(careful.table.closed(KEY)).toBe(true);
});

test("a tombstone that the history has lost stays through the epoch and is still told of", () => {
  const state = emptyReplica(IDENTITY);
  dispatch(state, snapshotAt(5, "revoked"));
  const lost = snapshotAt(2);
  dispatch(state, { ...lost, at: { epoch: 4, rev: 2, chain: chain(2) } });
  dispatch(state, epoch({ continues: 4 }, { epoch: 5, rev: 2, chain: chain(2) }));
  expect(state.at.epoch).toBe(5);
  expect(state.table.key(KEY)?.status).toBe("revoked");
  const [beat] = dispatch(state, { type: "beat", nonce: "nonce-02" });
  expect(beat).toMatchObject({ message: { tombs: [{ id: KEY, status: "revoked" }] } });
});

test("an adopted epoch is the one after a restart", () => {
  const { state, whole } = restore(IDENTITY, [snapshotAt(5), epoch()], true, NOW);
  expect(whole).toBe(true);
  expect(state.durable).toEqual({ epoch: 4, rev: 5, chain: chain(5) });
});

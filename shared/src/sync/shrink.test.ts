/** A snapshot that has fewer keys than are held (the bug of a control plane that has just restarted, half filled). */
import { expect, test } from "vitest";
import { buildKey } from "../testing/records.ts";
import { step } from "./replica.ts";
import { emptyReplica, type ReplicaState, type SnapshotEvent } from "./replica-state.ts";
import { Table } from "./table.ts";

const ORG = "org_000000000001";
const NOW = { wallMs: 1_000_000, monoMs: 1_000 };
const ids = (n: number) => Array.from({ length: n }, (_, i) => `key_${String(i + 1).padStart(12, "0")}`);

function snapshot(epoch: number, rev: number, keys: readonly string[]): SnapshotEvent {
  const table = new Table();
  for (const id of keys) {
    const hashes = [{ hash: id.padEnd(43, "h"), generation: 1, notAfterMs: null }];
    table.apply({ op: "put", kind: "key", id, record: buildKey({ id, hashes }) });
  }
  const chain = `c${epoch}.${rev}`.padEnd(43, "_");
  return { type: "snapshot", org: ORG, at: { epoch, rev, chain }, table, token: {} };
}

function holding(keys: readonly string[]): ReplicaState {
  const state = emptyReplica({ org: ORG, replica: "rep_000000000001", boot: "1.aaaa" });
  step(state, snapshot(1, 5, keys), NOW);
  return state;
}

const codes = (state: ReplicaState, event: SnapshotEvent) =>
  step(state, event, NOW).effects.map((effect) =>
    "code" in effect ? `${effect.type} ${effect.code}` : effect.type,
  );

test.each([0, 50, 99])(
  "a snapshot of the same history with %i of 100 keys is refused, complained about, and changes nothing",
  (n) => {
    const state = holding(ids(100));
    expect(codes(state, snapshot(1, 9, ids(n)))).toEqual(["alarm shrink", "dropped shrunk", "speak"]);
    expect(state.at.rev).toBe(5);
    expect(state.table.keyCount).toBe(100);
    expect(state.nack).toMatchObject({
      rev: 9,
      detail: expect.stringContaining(`lacks ${100 - n} of 100 keys`),
    });
    // A whole one is taken, and with it the complaint is over.
    expect(codes(state, snapshot(1, 10, ids(101)))).toEqual(["replace"]);
    expect(state.nack).toBeUndefined();
  },
);

test("one that comes again and again, also as a later one, is dropped each time and complained about once", () => {
  const state = holding(ids(100));
  codes(state, snapshot(1, 9, ids(50)));
  for (const rev of [9, 9, 10, 11])
    expect(codes(state, snapshot(1, rev, ids(50)))).toEqual(["dropped shrunk"]);
  expect(state.nack).toMatchObject({ rev: 9 });
});

test("after commits were lost, which is another epoch, keys may be gone", () => {
  const state = holding(ids(100));
  expect(codes(state, snapshot(2, 3, ids(40)))).toEqual(["replace"]);
  expect(state.table.keyCount).toBe(40);
});

test("a tombstone that only this replica still knows of does not stand in the way", () => {
  const state = holding(ids(2));
  const [, second = ""] = ids(2);
  const dead = snapshot(1, 6, []);
  for (const id of ids(2)) {
    const record = {
      ...buildKey({ id }),
      status: id === second ? ("revoked" as const) : ("active" as const),
    };
    dead.table.apply({ op: "put", kind: "key", id, record });
  }
  step(state, dead, NOW);
  expect(codes(state, snapshot(2, 3, ids(1)))).toEqual(["replace"]);
  expect(state.table.key(second)?.status).toBe("revoked");
  expect(codes(state, snapshot(2, 4, ids(1)))).toEqual(["replace"]);
  expect(state.table.key(second)?.status).toBe("revoked");
});

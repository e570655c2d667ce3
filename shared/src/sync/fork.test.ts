import { expect, test } from "vitest";
import { buildKey } from "../testing/records.ts";
import type { Delta } from "../wire/delta.ts";
import { ageMs } from "./freshness.ts";
import { step } from "./replica.ts";
import { emptyReplica, type ReplicaEvent, type ReplicaState } from "./replica-state.ts";
import { Table } from "./table.ts";

const ORG = "org_000000000001";
const NOW = { wallMs: 1_000_000, monoMs: 1_000 };
const KEY = buildKey().id;
const chain = (n: number | string) => `c${n}`.padEnd(43, "_");

function dispatch(state: ReplicaState, event: ReplicaEvent): string[] {
  return step(state, event, NOW).effects.map((effect) =>
    "code" in effect ? `${effect.type} ${effect.code}` : effect.type,
  );
}

function delta(rev: number, prev: string): ReplicaEvent {
  const fields: Delta = {
    v: 1,
    org: ORG,
    epoch: 1,
    rev,
    prev,
    atMs: 0,
    actor: { kind: "system", id: "", name: "" },
    action: "api-key.edit",
    restrictive: false,
    inflight: "drain",
    operation: null,
    changes: [],
  };
  return { type: "delta", delta: fields, chainAfter: chain(rev), jws: "" };
}

function snapshot(rev: number, status: "active" | "revoked" | "inactive", suffix = ""): ReplicaEvent {
  const table = new Table();
  table.apply({ op: "put", kind: "key", id: KEY, record: buildKey({ status }) });
  return {
    type: "snapshot",
    org: ORG,
    at: { epoch: 1, rev, chain: chain(`${rev}${suffix}`) },
    table,
    token: {},
  };
}

/** At 1.5 with an inactive key and a proof. */
function proved(): ReplicaState {
  const state = emptyReplica({ org: ORG, replica: "rep_000000000001", boot: "1.aaaa" });
  dispatch(state, snapshot(5, "inactive"));
  dispatch(state, { type: "persisted", n: 1 });
  dispatch(state, { type: "beat", nonce: "nonce-01" });
  dispatch(state, { type: "fresh", fresh: fresh(state, { nonce: "nonce-01", asOf: 5, chain: chain(5) }) });
  expect(ageMs(state.proof, NOW)).toBe(0);
  return state;
}

function fresh(
  state: ReplicaState,
  changes: { nonce: string; asOf: number; chain: string; resync?: boolean },
) {
  const { org, replica, boot } = state.identity;
  const rest = { epoch: 1, cpTimeMs: NOW.wallMs, deltas: [], usageCursor: 0, nextHeartbeatMs: 10_000 };
  return { v: 1, org, replica, boot, resync: false, ...rest, ...changes } as const;
}

test("another history after the same revision is complained about and asked to be replaced as a whole", () => {
  const state = proved();
  expect(dispatch(state, delta(6, chain("other")))).toEqual(["alarm fork", "speak", "sync"]);
  expect(state.nack?.code).toBe("fork");
  expect(dispatch(state, delta(6, chain(5)))).toEqual(["dropped fork"]);
  expect(state.at.rev).toBe(5);
});

test("a proof that speaks of another history is a fork, not a proof", () => {
  const state = proved();
  const before = state.proof;
  dispatch(state, { type: "beat", nonce: "nonce-02" });
  const answer = fresh(state, { nonce: "nonce-02", asOf: 5, chain: chain("other") });
  expect(dispatch(state, { type: "fresh", fresh: answer })).toContain("alarm fork");
  expect(state.proof).toBe(before);
});

test("a control plane that holds less than it was told has lost commits: that is a fork too", () => {
  const state = proved();
  dispatch(state, { type: "beat", nonce: "nonce-02" });
  const answer = fresh(state, { nonce: "nonce-02", asOf: 4, chain: chain(4), resync: true });
  expect(dispatch(state, { type: "fresh", fresh: answer })).toContain("alarm fork");
});

test("going back on one's own epoch is possible only after a fork, and costs the right to admit", () => {
  const state = proved();
  expect(dispatch(state, snapshot(4, "active"))).toEqual(["dropped stale_snapshot"]);
  expect(dispatch(state, snapshot(5, "active"))).toEqual(["dropped stale_snapshot"]);
  dispatch(state, delta(6, chain("other")));
  expect(dispatch(state, snapshot(4, "active", "other"))).toContain("replace");
  expect(state.table.key(KEY)?.status).toBe("active");
  expect(ageMs(state.proof, NOW)).toBe(Number.POSITIVE_INFINITY);
});

test("an older answer does not replace a younger proof", () => {
  const state = proved();
  dispatch(state, { type: "beat", nonce: "nonce-02" });
  const later = { wallMs: NOW.wallMs + 500, monoMs: NOW.monoMs + 500 };
  step(state, { type: "beat", nonce: "nonce-03" }, later);
  const answer = (nonce: string) => fresh(state, { nonce, asOf: 5, chain: chain(5) });
  step(state, { type: "fresh", fresh: answer("nonce-03") }, later);
  step(state, { type: "fresh", fresh: answer("nonce-02") }, later);
  expect(ageMs(state.proof, later)).toBe(0);
});

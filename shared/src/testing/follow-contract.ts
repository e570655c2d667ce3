/**
 * What every runtime must answer alike between a signed history and an admission: the chain over exact bytes, changes
 * applied in order, and a view that decides. Real cores; signatures are proven elsewhere (`wire/sign`).
 */
import { expect, test } from "vitest";
import { admitKey } from "../decide/admit.ts";
import { ageMs, type Instant } from "../sync/freshness.ts";
import { step } from "../sync/replica.ts";
import { emptyReplica, type ReplicaEffect, type ReplicaState } from "../sync/replica-state.ts";
import { Table } from "../sync/table.ts";
import { nextChain } from "../wire/chain.ts";
import type { Delta } from "../wire/delta.ts";
import type { Fresh } from "../wire/heartbeat.ts";
import type { Change, KeyRecord } from "../wire/record.ts";
import { GENESIS_CHAIN } from "../wire/scalars.ts";
import { buildKey, buildPolicy, buildProject, fakeDigest, NOW_MS } from "./records.ts";

const ORG = "org_000000000001";
const REPLICA = "rep_000000000001";
const BOOT = "00000001.contract";

const instant = (ms: number): Instant => ({ monoMs: ms, wallMs: NOW_MS + ms });

/** Registers the tests. */
export function followContract(): void {
  test("a chain value is the same bytes", async () => {
    const payload = new TextEncoder().encode('{"v":1}');
    // SHA-256 of 32 zero bytes and the SHA-256 of the payload, computed by OpenSSL.
    expect(await nextChain(GENESIS_CHAIN, payload)).toBe("lJAFCxaVIQC9o0kB9UZ1fu8x8O6ejmW5j5_SXLaAPeE");
  });

  test("what is applied is admitted once it is proved, and refused at once when it is revoked", async () => {
    const state = replicaWith();
    const key = buildKey();
    expect(await feed(state, 1, put(key))).toEqual(["append"]);
    expect(verdict(state, 1)).toBe("authorization_stale");
    prove(state, 2);
    expect(verdict(state, 3)).toBe("admitted");
    expect(verdict(state, 2 + 900_000)).toBe("admitted");
    expect(verdict(state, 3 + 900_000)).toBe("authorization_stale");
    await feed(state, 2, put({ ...key, status: "revoked" }));
    expect(verdict(state, 3)).toBe("key_revoked");
    expect(verdict(state, 3 + 900_000)).toBe("key_revoked");
  });

  test("out of order waits, twice changes nothing, and the dead stay dead in their generation", async () => {
    const state = replicaWith();
    const key = buildKey();
    const first = await deltaOf(1, GENESIS_CHAIN, put(key));
    const second = await deltaOf(2, first.chainAfter, put({ ...key, status: "revoked" }));
    const third = await deltaOf(3, second.chainAfter, put(key));
    expect(apply(state, second)).toEqual(["sync"]);
    expect(state.at.rev).toBe(0);
    expect(apply(state, first)).toEqual(["append", "append"]);
    expect(state.at).toEqual({ epoch: 1, rev: 2, chain: second.chainAfter });
    expect(apply(state, first)).toEqual(["dropped"]);
    apply(state, third);
    prove(state, 1);
    expect(verdict(state, 1)).toBe("key_revoked");
  });
}

function put(record: KeyRecord): Change {
  return { op: "put", kind: "key", id: record.id, record };
}

/** A replica at the start of epoch 1 that knows its organization and one project. */
function replicaWith(): ReplicaState {
  const state = emptyReplica({ org: ORG, replica: REPLICA, boot: BOOT });
  const table = new Table();
  const policy = buildPolicy({ id: ORG });
  const project = buildProject();
  table.apply({ op: "put", kind: "policy", id: policy.id, record: policy });
  table.apply({ op: "put", kind: "project", id: project.id, record: project });
  const at = { epoch: 1, rev: 0, chain: GENESIS_CHAIN };
  step(state, { type: "snapshot", org: ORG, at, table, token: undefined }, instant(0));
  return state;
}

async function deltaOf(rev: number, prev: string, ...changes: Change[]) {
  const delta: Delta = {
    v: 1,
    org: ORG,
    epoch: 1,
    rev,
    prev,
    atMs: NOW_MS,
    actor: { kind: "system", id: "", name: "contract" },
    action: "api-key.edit",
    restrictive: false,
    inflight: "drain",
    operation: null,
    changes,
  };
  const payload = new TextEncoder().encode(JSON.stringify(delta));
  return { type: "delta", delta, chainAfter: await nextChain(prev, payload), jws: "" } as const;
}

function apply(state: ReplicaState, event: Awaited<ReturnType<typeof deltaOf>>): string[] {
  return step(state, event, instant(0)).effects.map(({ type }) => type);
}

async function feed(state: ReplicaState, rev: number, change: Change): Promise<string[]> {
  return apply(state, await deltaOf(rev, state.at.chain, change));
}

/** Everything to disk, a heartbeat at `ms`, and its answer. */
function prove(state: ReplicaState, ms: number): void {
  step(state, { type: "persisted", n: state.nextN - 1 }, instant(ms));
  const { effects } = step(state, { type: "beat", nonce: `nonce-${ms}` }, instant(ms));
  const asked = effects.find(
    (effect): effect is ReplicaEffect & { type: "heartbeat" } => effect.type === "heartbeat",
  );
  expect(asked?.message.revEffective).toBe(state.at.rev);
  const fresh: Fresh = {
    v: 1,
    org: ORG,
    replica: REPLICA,
    boot: BOOT,
    nonce: `nonce-${ms}`,
    epoch: 1,
    cpTimeMs: NOW_MS + ms,
    asOf: state.at.rev,
    chain: state.at.chain,
    deltas: [],
    resync: false,
    usageCursor: 0,
    nextHeartbeatMs: 10_000,
  };
  step(state, { type: "fresh", fresh }, instant(ms));
}

function verdict(state: ReplicaState, ms: number): string {
  const now = instant(ms);
  const freshness = { ageMs: ageMs(state.proof, now), nowMs: now.wallMs };
  const caller = { hash: fakeDigest("secret"), gatewayId: "gw_000000000001", ip: undefined };
  const decision = admitKey(state.table, freshness, caller);
  return decision.kind === "refused" ? decision.refusal.code : decision.kind;
}

/** For tests: a follower on a fake control plane, with a store in memory and clocks that the test moves. */
import type { Instant } from "@claviger/shared/sync/freshness";
import type { AuditRow } from "@claviger/shared/wire/query";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import type { LoadedState, Log, StateStore } from "../../ports.ts";
import { createFollower, type RunningFollower } from "../create-follower.ts";
import type { Witness } from "../follower.ts";
import { FakeControlPlane, type FakeCourier, fakeCourier, ORG, REPLICA } from "./fake-control-plane.ts";

export interface MemoryStore extends StateStore {
  records: Uint8Array[];
  condition: LoadedState["condition"] | undefined;
  /** Awaited before anything counts as written. */
  before: () => Promise<void>;
}

export function memoryStore(records: Uint8Array[] = []): MemoryStore {
  const store: MemoryStore = {
    records,
    condition: undefined,
    before: async () => undefined,
    async load() {
      const condition = store.condition ?? (store.records.length === 0 ? "empty" : "whole");
      return { records: [...store.records], condition, complaints: [] };
    },
    async append(more) {
      await store.before();
      store.records.push(...more);
    },
    async replace(snapshot) {
      await store.before();
      store.records = [...snapshot];
    },
    close: async () => undefined,
  };
  return store;
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface Rig {
  cp: FakeControlPlane;
  courier: FakeCourier;
  store: MemoryStore;
  follower: RunningFollower;
  audit: AuditRow["entry"][];
  /** When it was told that it is detached. */
  detachedAtMs: number[];
  /** Whether the log takes what is audited. */
  auditing: { failing: boolean };
  /** Added to the real clocks. */
  shift: { wallMs: number; monoMs: number };
  now(): Instant;
  /** Resolves when it is true; rejects after 15 seconds: it finds what never comes. */
  until(isTrue: () => boolean, what: string): Promise<void>;
}

let starts = 0;

/** A follower that has not started yet; with `from` it is the next process on the same disk. */
export async function rig(
  from?: Partial<Pick<Rig, "cp" | "store" | "shift"> & { witness: Witness }>,
): Promise<Rig> {
  const cp = from?.cp ?? (await FakeControlPlane.create());
  const courier = fakeCourier(cp);
  const store = from?.store ?? memoryStore();
  const shift = from?.shift ?? { wallMs: 0, monoMs: 0 };
  const audit: AuditRow["entry"][] = [];
  const auditing = { failing: false };
  const detachedAtMs: number[] = [];
  starts += 1;
  const clock = {
    wallMs: () => Date.now() + shift.wallMs,
    monoMs: () => performance.now() + shift.monoMs,
  };
  const follower = await createFollower({
    identity: { org: ORG, replica: REPLICA, boot: `${starts}.${crypto.randomUUID()}` },
    runtime: "node",
    software: "test",
    clock,
    courier,
    store,
    verify: cp.verify,
    log: silent,
    vitals: () => ({
      usage: { nextSeq: 1 },
      audit: { n: audit.length, head: GENESIS_CHAIN },
      inflight: 0,
      requestsPerSecond: 0,
    }),
    ...(from?.witness && { witness: from.witness }),
    events: {
      async audit(entries) {
        if (auditing.failing) throw new Error("disk full");
        audit.push(...entries);
      },
      query: () => undefined,
      usageCursor: () => undefined,
      dataKeys: () => undefined,
      detached: (atMs) => void detachedAtMs.push(atMs),
    },
    credentials: () => undefined,
  });
  const now = () => ({ wallMs: clock.wallMs(), monoMs: clock.monoMs() });
  return { cp, courier, store, follower, audit, auditing, detachedAtMs, shift, now, until };
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

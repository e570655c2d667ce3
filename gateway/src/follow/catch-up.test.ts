import { Table } from "@claviger/shared/sync/table";
import { afterEach, expect, test, vi } from "vitest";
import { FakeControlPlane, keyId, putKey } from "./testing/fake-control-plane.ts";
import { type Rig, rig } from "./testing/rig.ts";

const CHANGES = 120;
const PER_ANSWER = 4;
const running: Rig[] = [];
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(running.splice(0).map(({ follower }) => follower.stop()));
});

/** At the head, and then far behind; heartbeats bring nothing, and syncs a few changes each, after `before` was awaited. */
async function farBehind(before: (from: number) => Promise<void>): Promise<Rig & { syncs: number[] }> {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const made = await rig({ cp });
  running.push(made);
  made.follower.start();
  await made.until(() => cp.row.revEffective === 1 && made.follower.ready(), "the head, proved");
  const syncs: number[] = [];
  made.courier.onAnswer = (_, heartbeat) => cp.answer(heartbeat, { deltas: [] });
  made.courier.sync = async (body) => {
    const { from } = JSON.parse(new TextDecoder().decode(body)) as { from: number };
    syncs.push(from);
    await before(from);
    const deltas = cp.changes.filter(({ rev }) => rev > from && rev <= from + PER_ANSWER);
    return encode({ deltas: deltas.map(({ jws }) => jws), more: from + PER_ANSWER < cp.head.rev });
  };
  for (let n = 0; n < CHANGES; n++) await cp.commit([putKey(2 + n)], { lost: true });
  return { ...made, syncs };
}

test("a catch-up takes one sync for each answer's worth of changes, and a heartbeat a second and at its end", async () => {
  const { cp, courier, syncs, until } = await farBehind(() => sleep(30));
  const before = cp.heartbeats.length;
  const sinceMs = performance.now();
  courier.poke();
  await until(() => cp.row.revEffective === cp.head.rev, "confirmation of the head");
  const beats = cp.heartbeats.length - before;
  expect(syncs).toEqual(Array.from({ length: CHANGES / PER_ANSWER }, (_, n) => 1 + n * PER_ANSWER));
  // The poke, the end, and what is underway when the seconds are counted.
  expect(beats).toBeLessThanOrEqual(3 + Math.ceil((performance.now() - sinceMs) / 1_000));
});

test("a revocation in the midst of a catch-up is confirmed before its end, and one that comes meanwhile at its end", async () => {
  const inTheMidst = 1 + PER_ANSWER * 10;
  const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>();
  const made = await farBehind(async (from) => {
    if (from === inTheMidst) await goOn;
  });
  const { cp, courier, follower, until } = made;
  courier.poke();
  await until(
    () => cp.row.revEffective === inTheMidst,
    "confirmation of what is on disk, though the fetch hangs",
  );
  const { rev } = await cp.commit([putKey(1, { status: "revoked" })], {
    restrictive: true,
    inflight: "abort",
  });
  // Who waits for it pokes, and is answered although there is nothing new.
  const beats = cp.heartbeats.length;
  courier.poke();
  await until(() => cp.heartbeats.length > beats, "an answer to the poke");
  letGo();
  await until(() => cp.row.revEffective === rev, "confirmation of the revocation");
  expect(follower.view.key(keyId(1))?.status).toBe("revoked");
});

test("what a failed fetch of a snapshot has brought is not fetched again", async () => {
  const cp = await FakeControlPlane.create();
  for (let n = 0; n < 9; n++) {
    await cp.commit(Array.from({ length: 100 }, (_, i) => putKey(n * 100 + i)));
  }
  const made = await rig({ cp });
  running.push(made);
  const { courier, follower, until } = made;
  const brought: string[] = [];
  let asked = 0;
  courier.onAnswer = (_, heartbeat) =>
    cp.answer(heartbeat, { deltas: [], resync: heartbeat.revApplied === 0 });
  courier.sync = async () => encode({ snapshot: await cp.snapshot() });
  courier.page = async (sha256) => {
    asked += 1;
    // A way that breaks off with every third page.
    if (asked % 3 === 0) throw new Error("reset");
    const page = cp.pages.get(sha256);
    if (page === undefined) throw new Error("no such page");
    brought.push(sha256);
    return page;
  };
  follower.start();
  await until(() => follower.view.rev === 9, "the head");
  expect(new Set(brought).size).toBe(brought.length);
  expect(brought).toHaveLength(9);
});

test("a snapshot that lacks keys is asked for later and later, and complained about once", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2)]);
  const made = await rig({ cp });
  running.push(made);
  const { courier, follower, until } = made;
  follower.start();
  await until(() => cp.row.revEffective === 1 && follower.ready(), "the head, proved");
  // A control plane that comes back half filled.
  cp.table = new Table();
  courier.onAnswer = (_, heartbeat) => cp.answer(heartbeat, { deltas: [], resync: true });
  courier.sync = async () => encode({ snapshot: await cp.snapshot() });
  await cp.commit([putKey(1)], { lost: true });
  const heartbeats = cp.heartbeats.length;
  const sinceMs = performance.now();
  courier.poke();
  await until(() => (follower.status().dropped.shrunk ?? 0) >= 4, "four refusals");
  // At least half of 200, 200 and 400 ms lies between them.
  expect(performance.now() - sinceMs).toBeGreaterThan(300);
  expect(follower.status().alarms.shrink).toBe(1);
  // The question that brought the news, and the complaint.
  expect(cp.heartbeats.length - heartbeats).toBeLessThanOrEqual(2);
  expect(follower.view.key(keyId(2))?.status).toBe("active");
});

test("a log is not shortened by a snapshot that is older than most of it: neither its pages nor the changes since are fetched", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const made = await rig({ cp });
  running.push(made);
  const { courier, follower, until } = made;
  follower.start();
  await until(() => cp.row.revEffective === 1 && follower.ready(), "the head, proved");
  const old = await cp.snapshot();
  const fetched: string[] = [];
  courier.sync = async (body) => {
    const { from } = JSON.parse(new TextDecoder().decode(body)) as { from: number };
    fetched.push(`from ${from}`);
    return encode(from === 0 ? { snapshot: old } : { deltas: [], more: false });
  };
  courier.page = async (sha256) => {
    fetched.push(`page ${sha256}`);
    return cp.pages.get(sha256) ?? new Uint8Array();
  };
  const metadata = { pad: "x".repeat(100_000) };
  for (let n = 2; cp.head.rev < 20; n++) await cp.commit([putKey(n, { metadata })]);
  await until(() => follower.status().dropped.stale_snapshot === 1, "the old snapshot is left");
  await until(() => cp.row.revEffective === 20, "confirmation of the head");
  expect(fetched).toEqual(["from 0"]);
  // The next process finds a long log, and leaves it for some minutes.
  await follower.stop();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  const next = await rig({ cp, store: made.store });
  running.push(next);
  next.courier.sync = (body) => courier.sync(body);
  next.follower.start();
  await next.until(() => next.follower.status().heartbeats.answered > 0, "a proof, which is written down");
  await sleep(50);
  expect(fetched).toEqual(["from 0"]);
});

import type { Heartbeat } from "@claviger/shared/wire/heartbeat";
import { afterEach, expect, test } from "vitest";
import type { Abort } from "./follower.ts";
import { FakeControlPlane, hashOf, keyId, keyRecord, putKey } from "./testing/fake-control-plane.ts";
import { type Rig, rig } from "./testing/rig.ts";

const running: Rig[] = [];

async function started(from?: Parameters<typeof rig>[0]): Promise<Rig> {
  const made = await rig(from);
  running.push(made);
  made.follower.start();
  return made;
}

/** A follower at the control plane's head, with a proof. */
async function upToDate(from?: Parameters<typeof rig>[0]): Promise<Rig> {
  const made = await started(from);
  const { follower, cp } = made;
  await made.until(() => Number.isFinite(follower.freshness().ageMs), "a first proof");
  await made.until(() => cp.row.revEffective === cp.head.rev, "confirmation of the head");
  return made;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ follower }) => follower.stop()));
});

test("a new replica takes the snapshot, then every push, and confirms each within one heartbeat", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2)]);
  const { follower, until } = await upToDate({ cp });
  expect(follower.view.byHash(hashOf(2))?.key.id).toBe(keyId(2));
  expect(follower.ready()).toBe(true);
  for (let n = 3; n < 40; n++) {
    const { rev } = await cp.commit([putKey(n)]);
    await until(() => cp.row.revEffective >= rev, `confirmation of ${rev}`);
    expect(follower.view.byHash(hashOf(n))?.key.status).toBe("active");
  }
});

test("a change that the bus lost is fetched when the next one arrives, and when the next heartbeat is answered", async () => {
  const cp = await FakeControlPlane.create();
  const { follower, courier, until } = await upToDate({ cp });
  await cp.commit([putKey(1)], { lost: true });
  await cp.commit([putKey(2)]);
  await until(
    () => follower.view.key(keyId(1)) !== undefined && follower.view.rev === 2,
    "the gap is filled",
  );
  await cp.commit([putKey(3)], { lost: true });
  courier.poke();
  await until(() => follower.view.rev === 3, "the poke brings it");
});

test("forged, foreign, cut, repeated and reordered messages change nothing", async () => {
  const cp = await FakeControlPlane.create();
  const stranger = await FakeControlPlane.create();
  const { follower, courier, until } = await upToDate({ cp });
  const first = await cp.commit([putKey(1)]);
  const second = await cp.commit([putKey(2, { status: "revoked" })], { restrictive: true });
  await until(() => follower.view.rev === 2, "both are there");
  const before = JSON.stringify([follower.view.key(keyId(1)), follower.view.key(keyId(2))]);
  const forged = await stranger.commit([putKey(2)]);
  const snapshotAsDelta = await cp.snapshot();
  for (const jws of [
    forged.jws,
    first.jws,
    second.jws,
    first.jws,
    second.jws.slice(0, -3),
    second.jws.replace(/\./, ".."),
    snapshotAsDelta,
    "",
    "x".repeat(500_000),
    (await cp.answer(cp.heartbeats.at(-1) as Heartbeat)) as string,
  ]) {
    courier.push(jws);
  }
  const { rev } = await cp.commit([putKey(4)]);
  await until(() => follower.view.rev === rev, "what follows is applied");
  expect(JSON.stringify([follower.view.key(keyId(1)), follower.view.key(keyId(2))])).toBe(before);
  const { dropped } = follower.status();
  expect(dropped.duplicate).toBeGreaterThanOrEqual(3);
  expect(dropped.bad_signature).toBe(6);
  expect(dropped.too_large).toBe(1);
});

test("a message of another organization changes nothing, though the signature is right", async () => {
  const cp = await FakeControlPlane.create();
  const { follower, courier, until } = await upToDate({ cp });
  const head = cp.head;
  const { jws } = await cp.commit([putKey(1)], { org: "org_000000000002", lost: true });
  cp.head = head;
  cp.changes.pop();
  courier.push(jws);
  await until(() => follower.status().dropped.wrong_org === 1, "it is dropped");
  expect(follower.view.key(keyId(1))).toBeUndefined();
});

test("nothing is confirmed before it is on disk, and a revocation holds in memory meanwhile", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const { follower, courier, store, until } = await upToDate({ cp });
  let release = () => undefined as unknown;
  store.before = () => new Promise((resolve) => (release = () => resolve(undefined)));
  const { rev } = await cp.commit([putKey(1, { status: "revoked" })], { restrictive: true });
  await until(() => follower.view.key(keyId(1))?.status === "revoked", "it holds in memory");
  const seen = cp.heartbeats.length;
  courier.poke();
  await until(() => cp.heartbeats.length > seen, "a heartbeat while the disk hangs");
  expect(cp.heartbeats.at(-1)?.revEffective).toBe(rev - 1);
  expect(cp.heartbeats.at(-1)?.revApplied).toBe(rev - 1);
  expect(cp.row.revEffective).toBe(rev - 1);
  store.before = async () => undefined;
  release();
  await until(() => cp.row.revEffective === rev, "confirmed once it is on disk");
});

test("a disk that fails is retried until it takes everything, in order, and only then is it spoken of", async () => {
  const cp = await FakeControlPlane.create();
  const made = await upToDate({ cp });
  let failures = 2;
  made.store.before = async () => {
    if (failures-- > 0) throw new Error("ENOSPC");
  };
  await cp.commit([putKey(1)]);
  await cp.commit([putKey(2)]);
  await made.until(() => cp.row.revEffective === 2, "confirmed in the end");
  made.courier.up = false;
  const next = await rig({ cp, store: made.store });
  expect(next.follower.view.rev).toBe(2);
  expect(next.follower.status().loaded).toBe("whole");
});

test("a restart without anybody to ask serves from disk, by the age of the last proof and with the margin for skew", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2, { status: "revoked" })]);
  const first = await upToDate({ cp });
  await first.follower.stop();
  first.courier.up = false;
  const next = await rig({ cp, store: first.store });
  next.courier.up = false;
  next.follower.start();
  running.push(next);
  expect(next.follower.view.key(keyId(1))?.status).toBe("active");
  expect(next.follower.view.key(keyId(2))?.status).toBe("revoked");
  expect(next.follower.ready()).toBe(true);
  expect(next.follower.freshness().ageMs).toBeGreaterThanOrEqual(30_000);
  expect(next.follower.freshness().ageMs).toBeLessThan(32_000);
  next.shift.wallMs = 900_000;
  expect(next.follower.ready()).toBe(false);
});

test("a restart with a clock that ran backwards admits nothing until it is proved", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const first = await upToDate({ cp });
  await first.follower.stop();
  const next = await rig({ cp, store: first.store, shift: { wallMs: -60_000, monoMs: 0 } });
  expect(next.follower.freshness().ageMs).toBe(Number.POSITIVE_INFINITY);
  // The clock being put right later does not make the old proof young again.
  next.shift.wallMs = 0;
  expect(next.follower.freshness().ageMs).toBe(Number.POSITIVE_INFINITY);
  running.push(next);
  next.follower.start();
  await next.until(() => Number.isFinite(next.follower.freshness().ageMs), "a new proof");
});

test("damaged state still refuses what it knows to be dead, and has no freshness until it is proved", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2, { status: "revoked" })]);
  const first = await upToDate({ cp });
  await first.follower.stop();
  first.store.condition = "damaged";
  const next = await rig({ cp, store: first.store });
  expect(next.follower.view.key(keyId(2))?.status).toBe("revoked");
  expect(next.follower.freshness().ageMs).toBe(Number.POSITIVE_INFINITY);
  expect(next.follower.ready()).toBe(false);
  running.push(next);
  next.follower.start();
  await next.until(() => next.follower.ready(), "a new proof");
});

test("an unreadable restrictive change closes the key it names, complains, and survives a restart", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2)]);
  const first = await upToDate({ cp });
  await cp.commit([putKey(1)], { restrictive: true, inflight: "abort", raw: { v: 2 } });
  await first.until(() => cp.heartbeats.at(-1)?.nack !== undefined, "the complaint");
  expect(cp.heartbeats.at(-1)?.nack).toMatchObject({ rev: 2, code: "unsupported" });
  expect(first.follower.view.key(keyId(1))?.status).toBe("inactive");
  expect(first.follower.view.key(keyId(2))?.status).toBe("active");
  expect(cp.row.revEffective).toBe(1);
  await first.follower.stop();
  const next = await rig({ cp, store: first.store });
  expect(next.follower.view.key(keyId(1))?.status).toBe("inactive");
  expect(next.follower.view.key(keyId(2))?.status).toBe("active");
});

test("an unreadable giving change gives nothing and closes nothing", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const { follower, until } = await upToDate({ cp });
  await cp.commit([putKey(2)], {
    raw: { changes: [{ op: "put", kind: "wizard", id: keyId(2), record: {} }] },
  });
  await until(() => cp.heartbeats.at(-1)?.nack !== undefined, "the complaint");
  expect(follower.view.key(keyId(1))?.status).toBe("active");
  expect(follower.view.key(keyId(2))).toBeUndefined();
});

test("requests in flight end before the change that ends them is confirmed, and are counted in the confirmation", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const { follower, until } = await upToDate({ cp });
  const aborts: { abort: Abort; confirmed: number }[] = [];
  follower.onAbort((abort) => {
    aborts.push({ abort, confirmed: cp.row.revEffective });
    return 3;
  });
  const { rev } = await cp.commit([putKey(1, { status: "revoked" })], {
    restrictive: true,
    inflight: "abort",
  });
  await until(() => cp.row.revEffective === rev, "confirmed");
  expect(aborts).toHaveLength(1);
  expect([...(aborts[0]?.abort.keyIds ?? [])]).toEqual([keyId(1)]);
  expect(aborts[0]?.confirmed).toBe(rev - 1);
  const confirming = cp.heartbeats.find(({ revEffective }) => revEffective === rev);
  expect(confirming?.aborted).toEqual([{ rev, n: 3 }]);
});

test("an answer that is replayed, of another boot, or to no question renews nothing", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const { follower, courier, until } = await upToDate({ cp });
  const old = await cp.answer(cp.heartbeats.at(-1) as Heartbeat);
  for (const [what, changed] of [
    ["replayed", () => old],
    ["other boot", (_: string, heartbeat: Heartbeat) => cp.answer(heartbeat, { boot: "999999.another" })],
    ["other nonce", (_: string, heartbeat: Heartbeat) => cp.answer(heartbeat, { nonce: "12345678" })],
    [
      "other replica",
      (_: string, heartbeat: Heartbeat) => cp.answer(heartbeat, { replica: "rep_000000000002" }),
    ],
  ] as const) {
    const ageMs = follower.freshness().ageMs;
    const seen = cp.heartbeats.length;
    const { heartbeats } = follower.status();
    courier.onAnswer = changed;
    courier.poke();
    await until(() => cp.heartbeats.length > seen, what);
    await until(() => follower.status().heartbeats.answered > heartbeats.answered, what);
    expect(follower.freshness().ageMs, what).toBeGreaterThan(ageMs);
  }
});

test("an answer of a later state than the table's renews nothing until the table is there", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const { follower, courier, until } = await upToDate({ cp });
  const ageMs = follower.freshness().ageMs;
  // Whatever could lead there is withheld.
  courier.sync = () => new Promise(() => undefined);
  courier.onAnswer = (_jws, heartbeat) => cp.answer(heartbeat, { deltas: [] });
  await cp.commit([putKey(2)], { lost: true });
  const { answered } = follower.status().heartbeats;
  courier.poke();
  await until(() => follower.status().heartbeats.answered > answered, "an answer");
  expect(follower.freshness().ageMs).toBeGreaterThan(ageMs);
});

test("an unknown hash waits for one shared heartbeat, and finds the key that it brings", async () => {
  const cp = await FakeControlPlane.create();
  const made = await upToDate({ cp });
  const { follower } = made;
  await follower.waitForUnknown();
  made.shift.monoMs = 5_000;
  made.shift.wallMs = 5_000;
  await cp.commit([putKey(1)], { lost: true });
  const seen = cp.heartbeats.length;
  await Promise.all(Array.from({ length: 50 }, () => follower.waitForUnknown()));
  expect(follower.view.byHash(hashOf(1))).toBeDefined();
  expect(follower.freshness().ageMs).toBeLessThan(2_000);
  expect(cp.heartbeats.length - seen).toBeLessThanOrEqual(2);
});

test("waiting for a revision ends when it is there, and says no after half a second", async () => {
  const cp = await FakeControlPlane.create();
  const { follower } = await upToDate({ cp });
  const waiting = follower.waitForRevision(1, 1);
  await cp.commit([putKey(1)]);
  expect(await waiting).toBe(true);
  const sinceMs = performance.now();
  expect(await follower.waitForRevision(2, 1)).toBe(false);
  expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(490);
});

test("each applied change is audited once and in order, also those that a crash kept from the audit", async () => {
  const cp = await FakeControlPlane.create();
  const first = await upToDate({ cp });
  await cp.commit([putKey(1)]);
  await cp.commit([putKey(2)], { reason: "because" });
  await first.until(() => cp.row.revEffective === 2, "both");
  const revs = first.audit.flatMap((entry) => (entry.kind === "change" ? [entry.rev] : []));
  expect(revs).toEqual([1, 2]);
  expect(first.audit.at(-1)).toMatchObject({ reason: "because", actor: { name: "admin@example.com" } });
  // The next process does not know whether the last entries were kept: it offers them again.
  const next = await started({ cp, store: first.store });
  await next.until(() => next.follower.view.rev === 2, "loaded");
  const again = next.audit.flatMap((entry) => (entry.kind === "change" ? [entry.rev] : []));
  expect([1, 2].filter((rev) => again.includes(rev) || rev <= 2)).toEqual([1, 2]);
});

test("a fork is complained about and healed by a snapshot, and what was revoked stays revoked", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1, { status: "revoked" }), putKey(2)]);
  const { follower, until } = await upToDate({ cp });
  // The control plane lost its last commit and went another way under the same epoch.
  cp.head = { epoch: 1, rev: 1, chain: "B".repeat(43) };
  cp.table.replaceKey(keyRecord(1));
  await cp.commit([putKey(3)]);
  await until(() => follower.status().alarms.fork === 1, "the alarm");
  await until(() => follower.view.key(keyId(3)) !== undefined, "the snapshot");
  expect(follower.view.key(keyId(1))?.status).toBe("revoked");
});

test("a higher epoch is taken by snapshot only, with what is known to be dead still dead, also after a restart", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2)]);
  await cp.commit([putKey(1, { status: "revoked" })], { restrictive: true });
  const first = await upToDate({ cp });
  cp.head = { epoch: 2, rev: 0, chain: "A".repeat(43) };
  cp.changes = [];
  cp.table.replaceKey(keyRecord(1));
  await cp.commit([putKey(3)]);
  await first.until(() => first.follower.view.epoch === 2 && first.follower.view.rev === 1, "the new epoch");
  await first.until(() => cp.row.epoch === 2 && cp.row.revEffective === 1, "confirmed in it");
  expect(first.follower.view.key(keyId(1))?.status).toBe("revoked");
  expect(first.follower.view.key(keyId(3))?.status).toBe("active");
  await first.follower.stop();
  const next = await rig({ cp, store: first.store });
  expect(next.follower.view.key(keyId(1))?.status).toBe("revoked");
});

test("a clean shutdown says goodbye", async () => {
  const cp = await FakeControlPlane.create();
  const made = await upToDate({ cp });
  await made.follower.stop();
  expect(cp.heartbeats.at(-1)?.bye).toBe(true);
});

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

test("requests in flight end before the change that ends them is confirmed, and are counted in the confirmation (I24)", async () => {
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

test("an answer that is replayed, of another boot, or to no question renews nothing (I5)", async () => {
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

test("an answer of a later state than the table's renews nothing until the table is there (I5)", async () => {
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
  // Younger than the five seconds by which the clock was put forward: it was proved since.
  expect(follower.freshness().ageMs).toBeLessThan(5_000);
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

test("a fork is complained about and healed by a snapshot, and what was revoked stays revoked", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1, { status: "revoked" }), putKey(2)]);
  const { follower, until } = await upToDate({ cp });
  // The control plane lost its last commit and went another way under the same epoch.
  cp.head = { epoch: 1, rev: 1, chain: "B".repeat(43) };
  cp.table.keepKey(keyRecord(1));
  await cp.commit([putKey(3)]);
  await until(() => follower.status().alarms.fork === 1, "the alarm");
  await until(() => follower.view.key(keyId(3)) !== undefined, "the snapshot");
  expect(follower.view.key(keyId(1))?.status).toBe("revoked");
});

test("draining is what the last answer said, and nothing that is remembered", async () => {
  const cp = await FakeControlPlane.create();
  const { follower, courier, until } = await upToDate({ cp });
  expect(follower.draining()).toBe(false);
  courier.onAnswer = (_jws, heartbeat) => cp.answer(heartbeat, { draining: true });
  courier.poke();
  await until(() => follower.draining(), "the gateway drains");
  courier.onAnswer = (jws) => jws;
  courier.poke();
  await until(() => !follower.draining(), "the gateway takes requests again");
});

test("of two answers that pass each other on the way, the one to the later question holds", async () => {
  const cp = await FakeControlPlane.create();
  const { follower, courier, until } = await upToDate({ cp });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  courier.onAnswer = async (_jws, heartbeat) => {
    hold();
    await released;
    return cp.answer(heartbeat, { draining: true, replicas: 9, natsJwt: "earlier" });
  };
  courier.poke();
  await held;
  courier.onAnswer = (_jws, heartbeat) => cp.answer(heartbeat, { replicas: 2, natsJwt: "later" });
  courier.poke();
  await until(() => courier.natsJwt === "later", "the answer to the later question");
  const { answered } = follower.status().heartbeats;
  release();
  await until(() => follower.status().heartbeats.answered > answered, "the answer to the earlier question");
  expect([follower.draining(), follower.replicas(), courier.natsJwt]).toEqual([false, 2, "later"]);
});

test("a credential that only the earlier of two answers has is used, whenever it comes", async () => {
  const cp = await FakeControlPlane.create();
  const { follower, courier, until } = await upToDate({ cp });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  courier.onAnswer = async (_jws, heartbeat) => {
    hold();
    await released;
    return cp.answer(heartbeat, { natsJwt: "renewed" });
  };
  courier.poke();
  await held;
  courier.onAnswer = (jws) => jws;
  const { answered } = follower.status().heartbeats;
  courier.poke();
  await until(() => follower.status().heartbeats.answered > answered, "the answer to the later question");
  release();
  await until(() => courier.natsJwt === "renewed", "the credential");
});

test("a clean shutdown says goodbye", async () => {
  const cp = await FakeControlPlane.create();
  const made = await upToDate({ cp });
  await made.follower.stop();
  expect(cp.heartbeats.at(-1)?.bye).toBe(true);
});

import { afterEach, expect, test } from "vitest";
import { FakeControlPlane, hashOf, ORG, putKey, REPLICA } from "./testing/fake-control-plane.ts";
import { type Rig, rig } from "./testing/rig.ts";

let made: Rig;
afterEach(() => made?.follower.stop());

const OURS = { v: 1, org: ORG, replica: REPLICA, atMs: 1_000 };

function say(cp: FakeControlPlane, changes: object = {}): Promise<string> {
  return cp.sign("clv-detached+jws", new TextEncoder().encode(JSON.stringify({ ...OURS, ...changes })));
}

test("told that it is detached, it drops its table, ends what is in flight and asks nobody any more", async () => {
  made = await rig();
  const { cp, courier, follower, store, detachedAtMs, until } = made;
  await cp.commit([putKey(1)]);
  follower.start();
  await until(() => follower.status().durableRev === cp.head.rev && follower.ready(), "it follows");
  const ended: boolean[] = [];
  follower.onAbort(({ everything }) => ended.push(everything));
  const stranger = await FakeControlPlane.create();
  const others = { replica: "rep_000000000002" };
  const wrong = [await say(stranger), await say(cp, others), await say(cp, { v: 2 })];
  for (const [n, jws] of wrong.entries()) {
    courier.detach(jws);
    await until(() => droppedBy(made) === n + 1, "it is dropped");
  }
  expect([follower.detached(), follower.ready(), ended]).toEqual([false, true, []]);
  courier.detach(await say(cp));
  await until(() => follower.detached(), "it is detached");
  const heard = cp.heartbeats.length;
  expect([follower.ready(), follower.view.configured, follower.view.byHash(hashOf(1))]).toEqual([
    false,
    false,
    undefined,
  ]);
  expect([ended, detachedAtMs]).toEqual([[true], [1_000]]);
  const written = store.records.length;
  await cp.commit([putKey(2)]);
  courier.poke();
  await follower.stop();
  expect([follower.view.configured, store.records.length, cp.heartbeats.length]).toEqual([
    false,
    written,
    heard,
  ]);
});

test("the answer to a heartbeat can be that it is detached", async () => {
  made = await rig();
  const { cp, courier, follower, detachedAtMs, until } = made;
  await cp.commit([putKey(1)]);
  courier.onAnswer = () => say(cp, { atMs: 7 });
  follower.start();
  await until(() => follower.detached(), "it is detached");
  expect(detachedAtMs).toEqual([7]);
});

function droppedBy({ follower }: Rig): number {
  const { bad_signature: forged = 0, unsupported: foreign = 0 } = follower.status().dropped;
  return forged + foreign;
}

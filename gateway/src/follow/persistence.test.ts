import { afterEach, expect, test } from "vitest";
import { FakeControlPlane, keyId, keyRecord, putKey } from "./testing/fake-control-plane.ts";
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

test("nothing is confirmed before it is on disk, and a revocation holds in memory meanwhile (I6)", async () => {
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
  // The margin is counted once; the rest is left to however long this machine took since the proof.
  expect(next.follower.freshness().ageMs).toBeLessThan(60_000);
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

test("damaged state still refuses what it knows to be dead, and has no freshness until it is proved (I8)", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2, { status: "revoked" })]);
  const first = await upToDate({ cp });
  await first.follower.stop();
  first.store.condition = "damaged";
  const next = await rig({ cp, store: first.store });
  const [damaged] = next.store.records;
  expect(next.follower.view.key(keyId(2))?.status).toBe("revoked");
  expect(next.follower.freshness().ageMs).toBe(Number.POSITIVE_INFINITY);
  expect(next.follower.ready()).toBe(false);
  running.push(next);
  const heard = cp.heartbeats.length;
  next.follower.start();
  await next.until(() => next.follower.ready(), "a new proof");
  expect(cp.heartbeats[heard]?.stateDamaged).toBe(true);
  // Then all of it is written anew, so that the next start has its freshness again.
  await next.until(() => next.store.records[0] !== damaged, "a replacement");
  next.store.condition = undefined;
  await cp.commit([putKey(3)]);
  await next.until(() => cp.row.revEffective === 2, "confirmed");
  expect(cp.heartbeats.at(-1)?.stateDamaged).toBeUndefined();
  await next.follower.stop();
  const last = await rig({ cp, store: next.store });
  expect(last.follower.status().loaded).toBe("whole");
  expect(last.follower.view.key(keyId(2))?.status).toBe("revoked");
  expect(last.follower.view.key(keyId(3))?.status).toBe("active");
  expect(last.follower.ready()).toBe(true);
});

test("an unreadable restrictive change closes the key it names, complains, and survives a restart", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2)]);
  const first = await upToDate({ cp });
  await cp.commit([putKey(1)], { restrictive: true, inflight: "abort", raw: { v: 2 } });
  await first.until(() => cp.heartbeats.at(-1)?.nack !== undefined, "the complaint");
  expect(cp.heartbeats.at(-1)?.nack).toMatchObject({ rev: 2, code: "unsupported" });
  expect(first.follower.view.closed(keyId(1))).toBe(true);
  expect(first.follower.view.key(keyId(1))?.status).not.toBe("active");
  expect(first.follower.view.closed(keyId(2))).toBe(false);
  expect(first.follower.view.key(keyId(2))?.status).toBe("active");
  expect(cp.row.revEffective).toBe(1);
  await first.follower.stop();
  const next = await rig({ cp, store: first.store });
  expect(next.follower.view.closed(keyId(1))).toBe(true);
  expect(next.follower.view.key(keyId(2))?.status).toBe("active");
});

test("a kind of a later version that only adds is passed over: the revocation after it is confirmed, and a restart reads the same", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const first = await upToDate({ cp });
  const later = {
    op: "put",
    kind: "wizard",
    id: "wiz_000000000001",
    record: { spell: 1 },
    ifUnknown: "skip",
  };
  await cp.commit([putKey(2)], { restrictive: true, raw: { changes: [later, putKey(2)] } });
  await cp.commit([putKey(1, { status: "revoked" })], { restrictive: true });
  await first.until(() => cp.row.revEffective === 3, "confirmed");
  expect(cp.heartbeats.at(-1)?.nack).toBeUndefined();
  await first.follower.stop();
  const next = await rig({ cp, store: first.store });
  expect(next.follower.status().loaded).toBe("whole");
  expect([1, 2].map((n) => next.follower.view.key(keyId(n))?.status)).toEqual(["revoked", "active"]);
});

test("a key that was closed by caution stays closed over a snapshot of before and a restart", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2)]);
  const first = await upToDate({ cp });
  // Lost on the wire, so that a snapshot brings it, built before the change that nobody here can read.
  await cp.commit([putKey(3)], { lost: true });
  const jws = await cp.snapshot();
  const pages = cp.pages;
  first.courier.sync = async () => new TextEncoder().encode(JSON.stringify({ snapshot: jws }));
  const held = Promise.withResolvers<void>();
  const answered = first.courier.onAnswer;
  first.courier.onAnswer = async (answer, heartbeat) => {
    await held.promise;
    return answered(answer, heartbeat);
  };
  await cp.commit([putKey(1)], { restrictive: true, inflight: "abort", raw: { v: 2 } });
  await first.until(() => first.follower.view.closed(keyId(1)), "closed");
  await cp.commit([putKey(4)]);
  await first.until(() => first.follower.status().durableRev === 2, "the snapshot");
  expect(pages.size).toBeGreaterThan(0);
  expect(first.follower.view.closed(keyId(1))).toBe(true);
  held.resolve();
  await first.follower.stop();
  const next = await rig({ cp, store: first.store });
  expect(next.follower.status()).toMatchObject({ rev: 2, loaded: "whole" });
  expect(next.follower.view.closed(keyId(1))).toBe(true);
  expect(next.follower.view.key(keyId(3))?.status).toBe("active");
});

test("each applied change is audited once and in order, also by a process whose predecessor's log took nothing", async () => {
  const cp = await FakeControlPlane.create();
  const revsOf = ({ audit }: Rig) => audit.flatMap((entry) => (entry.kind === "change" ? [entry.rev] : []));
  const first = await upToDate({ cp });
  first.auditing.failing = true;
  await cp.commit([putKey(1)]);
  await cp.commit([putKey(2)], { reason: "because" });
  await first.until(() => cp.row.revEffective === 2, "both");
  await first.follower.stop();
  expect(revsOf(first)).toEqual([]);
  const next = await upToDate({ cp, store: first.store });
  await next.until(() => next.audit.length >= 2, "offered again");
  expect(revsOf(next)).toEqual([1, 2]);
  expect(next.audit.at(-1)).toMatchObject({ reason: "because", actor: { name: "admin@example.com" } });
  await cp.commit([putKey(3)]);
  await next.until(() => cp.row.revEffective === 3, "the third");
  await next.follower.stop();
  expect(revsOf(next)).toEqual([1, 2, 3]);
  // What is known to be in the log is not offered again: at most the last change, whose success nothing was written after.
  const last = await upToDate({ cp, store: next.store });
  expect(revsOf(last).filter((rev) => rev < 3)).toEqual([]);
});

test("a higher epoch that does not continue what is held is taken by snapshot only, with what is known to be dead still dead, also after a restart", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2)]);
  await cp.commit([putKey(1, { status: "revoked" })], { restrictive: true });
  const first = await upToDate({ cp });
  cp.head = { epoch: 2, rev: 0, chain: "A".repeat(43) };
  cp.changes = [];
  cp.table.keepKey(keyRecord(1));
  await cp.commit([putKey(3)]);
  await first.until(() => first.follower.view.epoch === 2 && first.follower.view.rev === 1, "the new epoch");
  await first.until(() => cp.row.epoch === 2 && cp.row.revEffective === 1, "confirmed in it");
  expect(first.follower.view.key(keyId(1))?.status).toBe("revoked");
  expect(first.follower.view.key(keyId(3))?.status).toBe("active");
  await first.follower.stop();
  const next = await rig({ cp, store: first.store });
  expect(next.follower.view.key(keyId(1))?.status).toBe("revoked");
});

test("damaged state is mended by an older snapshot too, with the changes since then behind it", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const first = await upToDate({ cp });
  const older = await cp.snapshot();
  await cp.commit([putKey(2)]);
  await cp.commit([putKey(1, { status: "revoked" })], { restrictive: true });
  await first.until(() => cp.row.revEffective === 3, "confirmed");
  await first.follower.stop();
  first.store.condition = "damaged";
  const next = await rig({ cp, store: first.store });
  running.push(next);
  const sync = next.courier.sync.bind(next.courier);
  next.courier.sync = async (body) => {
    const { epoch } = JSON.parse(new TextDecoder().decode(body)) as { epoch: number };
    return epoch === 0 ? new TextEncoder().encode(JSON.stringify({ snapshot: older })) : sync(body);
  };
  const [before] = next.store.records;
  next.follower.start();
  await next.until(() => next.store.records[0] !== before, "a replacement");
  next.store.condition = undefined;
  const last = await rig({ cp, store: next.store });
  expect(last.follower.status()).toMatchObject({ loaded: "whole", rev: 3 });
  expect(last.follower.view.key(keyId(1))?.status).toBe("revoked");
  expect(last.follower.view.key(keyId(2))?.status).toBe("active");
});

test("without its audit log, or with less of it than it has seen, nobody vouches for a state: it refuses the dead and admits nothing", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2, { status: "revoked" })]);
  const log = (links: number) => ({ openedN: links, auditN: () => links, knowsLater: async () => false });
  const first = await upToDate({ cp, witness: log(7) });
  await first.follower.stop();
  const { store } = first;
  for (const [links, loaded] of [
    [7, "whole"],
    [8, "whole"],
    [6, "damaged"],
    [0, "damaged"],
  ] as const) {
    const next = await rig({ cp, store, witness: log(links) });
    expect(next.follower.status().loaded, `${links} links`).toBe(loaded);
    expect(next.follower.ready()).toBe(loaded === "whole");
    expect(Number.isFinite(next.follower.freshness().ageMs)).toBe(loaded === "whole");
    expect(next.follower.view.key(keyId(2))?.status).toBe("revoked");
  }
  // One word of the control plane is enough, also for a log that was moved away.
  const next = await upToDate({ cp, store, witness: log(0) });
  expect(next.follower.ready()).toBe(true);
});

test("a first start needs no audit log", async () => {
  const witness = { openedN: 0, auditN: () => 0, knowsLater: async () => true };
  const { follower } = await rig({ witness });
  expect(follower.status().loaded).toBe("empty");
});

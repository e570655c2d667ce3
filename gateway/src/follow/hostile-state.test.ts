/** What is fetched is believed as little as what is pushed: each bad answer is refused by name, and a good one heals. */
import { afterEach, expect, test } from "vitest";
import type { Courier } from "../ports.ts";
import { FakeControlPlane, keyId, putKey } from "./testing/fake-control-plane.ts";
import { type Rig, rig } from "./testing/rig.ts";

const running: Rig[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ follower }) => follower.stop()));
});

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const OTHER_ORG = "org_000000000002";

interface Case {
  /** Another answer to a sync request, or to a request for a page. */
  readonly bad: (cp: FakeControlPlane, stranger: FakeControlPlane) => Partial<Pick<Courier, "sync" | "page">>;
  readonly counted: string;
  /** What an authentic message of this organization that cannot be read is told the control plane as. */
  readonly nack?: string;
}

const snapshotBy = (cp: FakeControlPlane, change: object) => ({
  sync: async () => {
    const snapshot = { v: 1, org: "org_000000000001", ...cp.head, cpTimeMs: 1, pages: [], ...change };
    return encode({ snapshot: await cp.sign("clv-snap+jws", encode(snapshot)) });
  },
});

const cases: Record<string, Case> = {
  "an answer that is none": { bad: () => ({ sync: async () => encode("{") }), counted: "unsupported" },
  "a snapshot by another key": {
    bad: (_, stranger) => snapshotBy(stranger, { rev: 9 }),
    counted: "bad_signature",
  },
  "a snapshot that was cut": {
    bad: (cp) => ({ sync: async () => encode({ snapshot: (await cp.snapshot()).slice(0, -9) }) }),
    counted: "bad_signature",
  },
  "another kind of message as a snapshot": {
    bad: (cp) => ({
      sync: async () => encode({ snapshot: await cp.sign("clv-delta+jws", encode({ v: 1 })) }),
    }),
    counted: "bad_signature",
  },
  "another organization's snapshot, further on": {
    bad: (cp) => snapshotBy(cp, { org: OTHER_ORG, rev: 99 }),
    counted: "wrong_org",
  },
  "another organization's snapshot of a later version": {
    bad: (cp) => snapshotBy(cp, { org: OTHER_ORG, v: 2, rev: 99 }),
    counted: "wrong_org",
  },
  "a snapshot of a later version": {
    bad: (cp) => snapshotBy(cp, { v: 2, rev: 99 }),
    counted: "unsupported",
    nack: "unsupported",
  },
  "an older snapshot": { bad: (cp) => snapshotBy(cp, { rev: 1 }), counted: "stale_snapshot" },
  "a snapshot of a lower epoch": {
    bad: (cp) => snapshotBy(cp, { epoch: 1, rev: 99 }),
    counted: "stale_snapshot",
  },
  "changes by another key": {
    bad: (_, stranger) => ({
      sync: async () => {
        const jws = await stranger.sign("clv-delta+jws", encode({ v: 1 }));
        return encode({ deltas: [jws], more: false });
      },
    }),
    counted: "bad_signature",
  },
  "changes that it has": {
    bad: (cp) => ({
      sync: async () => encode({ deltas: cp.changes.slice(0, 2).map(({ jws }) => jws), more: false }),
    }),
    counted: "duplicate",
  },
  "other pages than were signed": {
    bad: (cp) => ({
      sync: async () => encode({ snapshot: await cp.snapshot() }),
      page: async () => encode([putKey(9)]),
    }),
    counted: "bad_page",
  },
  "a page that is too large": {
    bad: (cp) => ({
      sync: async () => encode({ snapshot: await cp.snapshot() }),
      page: async () => new Uint8Array(600 * 1024),
    }),
    counted: "bad_page",
  },
};

/** At the head of epoch 2, with a proof; from then on answers to heartbeats carry no changes, so that it has to ask. */
async function upToDate(): Promise<Rig> {
  const cp = await FakeControlPlane.create();
  cp.head = { ...cp.head, epoch: 2 };
  const made = await rig({ cp });
  running.push(made);
  made.follower.start();
  for (const n of [1, 2, 3]) await cp.commit([putKey(n, n === 2 ? { status: "revoked" } : {})]);
  await made.until(() => cp.row.revEffective === 3 && made.follower.ready(), "the head");
  made.courier.onAnswer = (_, heartbeat) => cp.answer(heartbeat, { deltas: [] });
  return made;
}

for (const [what, { bad, counted, nack }] of Object.entries(cases)) {
  test(`${what}: refused as ${counted}, changes nothing, and is forgotten with the next good answer`, async () => {
    const { cp, courier, follower, until } = await upToDate();
    const { sync, page } = courier;
    const stranger = await FakeControlPlane.create();
    const { rev, chain, keys } = follower.status();
    const before = follower.status().dropped[counted] ?? 0;
    await cp.commit([putKey(4)], { lost: true });
    Object.assign(courier, bad(cp, stranger));
    courier.poke();
    await until(() => (follower.status().dropped[counted] ?? 0) > before, "it is counted");
    expect(follower.status()).toMatchObject({ rev, chain, keys });
    expect(follower.view.key(keyId(2))?.status).toBe("revoked");
    if (nack === undefined) expect(follower.status().nack).toBeUndefined();
    else await until(() => cp.heartbeats.at(-1)?.nack?.code === nack, "the control plane is told");
    Object.assign(courier, { sync, page });
    courier.poke();
    await until(() => follower.status().rev === cp.head.rev, "the next good answer");
    expect(follower.view.key(keyId(4))?.status).toBe("active");
    expect(follower.status().nack).toBeUndefined();
  });
}

test("a change of a later version, or of an unknown kind, is refused by name and counted, and a snapshot leads past it", async () => {
  for (const raw of [{ v: 2 }, { changes: [{ op: "put", kind: "wizard", id: keyId(1), record: {} }] }]) {
    const { cp, follower, until } = await upToDate();
    const { rev, chain, keys } = follower.status();
    await cp.commit([putKey(4)], { raw });
    await until(() => cp.heartbeats.at(-1)?.nack?.code === "unsupported", "the control plane is told");
    expect(follower.status().dropped.unsupported).toBeGreaterThan(0);
    expect(follower.status()).toMatchObject({ rev, chain, keys, nack: { rev: rev + 1 } });
    expect(follower.view.key(keyId(1))?.status).toBe("active");
  }
});

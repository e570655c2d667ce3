import { afterEach, expect, test } from "vitest";
import type { Courier } from "../ports.ts";
import { FakeControlPlane, type FakeCourier, keyId, putKey } from "./testing/fake-control-plane.ts";
import { type Rig, rig } from "./testing/rig.ts";

const running: Rig[] = [];
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const never = () => new Promise<never>(() => undefined);

/** What is counted when the fault has been met and judged; where nothing is named nothing ever comes that could be judged. */
const COUNTED: Record<string, string> = {
  "answers garbage": "bad_signature",
  "answers nothing at all, in the right form": "unsupported",
  "sends other pages than it signed": "bad_page",
  "sends a page of a later version": "unsupported",
  "sends an older snapshot": "stale_snapshot",
};

/** Resolves when what a fault brought has been judged. */
async function settle({ follower, until }: Rig, what: string): Promise<void> {
  const code = COUNTED[what];
  if (code !== undefined) await until(() => (follower.status().dropped[code] ?? 0) > 0, code);
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ follower }) => follower.stop()));
});

async function upToDate(cp: FakeControlPlane): Promise<Rig> {
  const made = await rig({ cp });
  running.push(made);
  made.follower.start();
  await made.until(() => cp.row.revEffective === cp.head.rev && made.follower.ready(), "the head, proved");
  return made;
}

/** Answers with all that there is, as pages. */
const snapshotOf = (cp: FakeControlPlane) => async () => encode({ snapshot: await cp.snapshot() });

type Break = (courier: FakeCourier, cp: FakeControlPlane) => Partial<Courier>;

const faults: Record<string, Break> = {
  "answers nothing": () => ({ heartbeat: never, sync: never, page: never }),
  "breaks off": () => ({
    heartbeat: () => Promise.reject(new Error("reset")),
    sync: () => Promise.reject(new Error("reset")),
    page: () => Promise.reject(new Error("reset")),
  }),
  "answers garbage": () => ({
    heartbeat: async () => "garbage",
    sync: async () => new TextEncoder().encode("{"),
    page: async () => new Uint8Array(3),
  }),
  "answers nothing at all, in the right form": (_, cp) => ({
    sync: async () => encode({ snapshot: await cp.sign("clv-snap+jws", encode({})) }),
  }),
  "sends a snapshot without its pages": (_, cp) => ({ page: never, sync: snapshotOf(cp) }),
  "sends other pages than it signed": (_, cp) => ({
    page: async () => encode([putKey(9)]),
    sync: snapshotOf(cp),
  }),
  "sends a page of a later version": (_, cp) => ({
    sync: async () => {
      const bytes = encode([{ op: "put", kind: "wizard", id: keyId(9), record: {} }]);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const sha256 = Buffer.from(digest).toString("base64url");
      cp.pages.set(sha256, bytes);
      const snapshot = { v: 1, org: "org_000000000001", ...cp.head, cpTimeMs: 1, pages: [sha256] };
      return encode({ snapshot: await cp.sign("clv-snap+jws", encode(snapshot)) });
    },
  }),
  "sends an older snapshot": (_, cp) => ({
    sync: async () => {
      const older = { epoch: 1, rev: 0, chain: "A".repeat(43), cpTimeMs: cp.nowMs(), pages: [] };
      const snapshot = { v: 1, org: "org_000000000001", ...older };
      return encode({ snapshot: await cp.sign("clv-snap+jws", encode(snapshot)) });
    },
  }),
};

/** Where the fault is: the last of these that it breaks, because each is only reached through the one before. */
const WAY = ["heartbeat", "sync", "page"] as const;

/**
 * Breaks a courier; resolves when the call where the fault is was made. Heartbeats that are answered say that the deltas
 * are no longer kept: else they bring what is missing, and it depends on the machine whether anything else is asked for.
 */
function meet(cp: FakeControlPlane, courier: FakeCourier, broken: Partial<Courier>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const place =
    broken.heartbeat === undefined ? WAY.findLast((name) => broken[name] !== undefined) : "heartbeat";
  courier.onAnswer = (_, heartbeat) => cp.answer(heartbeat, { deltas: [], resync: true });
  const called = Object.entries(broken).map(([name, call]) => [
    name,
    (...given: never[]) => {
      if (name === place) resolve();
      return (call as (...given: never[]) => unknown)(...given);
    },
  ]);
  Object.assign(courier, Object.fromEntries(called));
  return promise;
}

for (const [what, fault] of Object.entries(faults)) {
  test(`a control plane that ${what} takes nothing away from what is held, also at the next start`, async () => {
    const cp = await FakeControlPlane.create();
    await cp.commit([putKey(1), putKey(2, { status: "revoked" })]);
    const first = await upToDate(cp);
    const met = meet(cp, first.courier, fault(first.courier, cp));
    // Something is missing from now on, so that it has to ask.
    await cp.commit([putKey(3)], { lost: true });
    await cp.commit([putKey(4)]);
    first.courier.poke();
    await met;
    await settle(first, what);
    expect(first.follower.view.key(keyId(1))?.status).toBe("active");
    expect(first.follower.view.key(keyId(9))).toBeUndefined();
    expect(first.follower.ready()).toBe(true);
    await first.follower.stop();
    const next = await rig({ cp, store: first.store });
    running.push(next);
    const metAgain = meet(cp, next.courier, fault(next.courier, cp));
    next.follower.start();
    await metAgain;
    await settle(next, what);
    expect(next.follower.view.key(keyId(1))?.status).toBe("active");
    expect(next.follower.view.key(keyId(2))?.status).toBe("revoked");
    expect(next.follower.view.key(keyId(9))).toBeUndefined();
    expect(next.follower.ready()).toBe(true);
  });
}

test("control: where nothing is broken, what the heartbeats do not bring is fetched page by page, also at the next start", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const first = await upToDate(cp);
  const met = meet(cp, first.courier, { page: first.courier.page, sync: snapshotOf(cp) });
  await cp.commit([putKey(3)], { lost: true });
  first.courier.poke();
  await met;
  await first.until(() => first.follower.view.key(keyId(3)) !== undefined, "what was lost");
  await first.follower.stop();
  await cp.commit([putKey(4)]);
  const next = await rig({ cp, store: first.store });
  running.push(next);
  const metAgain = meet(cp, next.courier, { page: next.courier.page, sync: snapshotOf(cp) });
  next.follower.start();
  await metAgain;
  await next.until(() => next.follower.view.key(keyId(4)) !== undefined, "what came meanwhile");
});

test("a replica that holds nothing and reaches nobody is not ready, and is once somebody answers", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const made = await rig({ cp });
  running.push(made);
  made.courier.up = false;
  made.follower.start();
  expect(made.follower.ready()).toBe(false);
  expect(made.follower.view.configured).toBe(false);
  // It ends although nobody answers.
  await made.follower.waitForUnknown();
  made.courier.up = true;
  made.courier.poke();
  await made.until(() => made.follower.ready(), "ready");
});

test("an organization without a single key is ready", async () => {
  const { follower } = await upToDate(await FakeControlPlane.create());
  expect(follower.view.configured).toBe(true);
  expect(follower.ready()).toBe(true);
});

test("renewed credentials are used only from an answer to the replica's own question", async () => {
  const cp = await FakeControlPlane.create();
  const made = await upToDate(cp);
  const { answered } = made.follower.status().heartbeats;
  made.courier.onAnswer = (_, heartbeat) => cp.answer(heartbeat, { natsJwt: "stolen", nonce: "12345678" });
  made.courier.poke();
  await made.until(() => made.follower.status().heartbeats.answered > answered, "an answer to nothing");
  expect(made.courier.natsJwt).toBeUndefined();
  made.courier.onAnswer = (_, heartbeat) => cp.answer(heartbeat, { natsJwt: "renewed" });
  made.courier.poke();
  await made.until(() => made.courier.natsJwt === "renewed", "the renewed one");
});

test("told that a later process speaks for this replica, it raises an alarm and goes on by its age", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const { follower, courier, until } = await upToDate(cp);
  courier.onAnswer = () => {
    throw Object.assign(new Error("409"), { code: "replica_conflict" });
  };
  courier.poke();
  await until(() => follower.status().alarms.replica_conflict === 1, "the alarm");
  expect(Number.isFinite(follower.freshness().ageMs)).toBe(true);
});

/**
 * Whoever owns the way between control plane and gateway (I5, I17 of PROTOCOL §3): what is forged, replayed, reordered,
 * repeated, cut, too large or of a later version changes nothing, and is counted, once for each message.
 */
import type { Delta } from "@claviger/shared/wire/delta";
import type { Fresh, Heartbeat } from "@claviger/shared/wire/heartbeat";
import type { MessageType } from "@claviger/shared/wire/sign";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FakeControlPlane, keyId, putKey } from "./testing/fake-control-plane.ts";
import { type Rig, rig } from "./testing/rig.ts";

let cp: FakeControlPlane;
let stranger: FakeControlPlane;
let follower: Rig;
/** What has passed on the way: authentic, and used. */
const deltas: string[] = [];
const answers: string[] = [];

beforeAll(async () => {
  cp = await FakeControlPlane.create();
  stranger = await FakeControlPlane.create();
  cp.head = { ...cp.head, epoch: 2 };
  follower = await rig({ cp });
  const { courier } = follower;
  courier.onAnswer = (jws) => {
    answers.push(jws);
    return jws;
  };
  follower.follower.start();
  for (let n = 1; n <= 12; n++) {
    const status = n % 3 === 0 ? "revoked" : "active";
    deltas.push((await cp.commit([putKey(n, { status })], { restrictive: status === "revoked" })).jws);
    await follower.until(() => cp.row.revEffective === cp.head.rev, `revision ${n}`);
  }
  await follower.until(() => follower.follower.ready() && answers.length > 3, "some answers");
  await quiet();
});
afterAll(() => follower?.follower.stop());

/** All that deciding and the next start go by. */
function held(): unknown {
  const { epoch, rev, durableRev, chain, keys, nack, clockTrusted, alarms } = follower.follower.status();
  const statuses = Array.from({ length: 15 }, (_, n) => follower.follower.view.key(keyId(n))?.status ?? null);
  const disk = follower.store.records.map((record) => Buffer.from(record).toString("base64"));
  return { epoch, rev, durableRev, chain, keys, nack, clockTrusted, alarms, statuses, disk };
}

const heartbeats = () => {
  const { answered, failed } = follower.follower.status().heartbeats;
  return answered + failed;
};

/** Resolves when the follower has nothing more to say of its own accord, and all that it wrote is on disk. */
async function quiet(): Promise<void> {
  for (let last = ""; ; ) {
    const now = JSON.stringify(held());
    if (now === last && heartbeats() === cp.heartbeats.length) return;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

const counted = () => Object.values(follower.follower.status().dropped).reduce((sum, n) => sum + n, 0);

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const partsOf = (jws: string) => jws.split(".") as [string, string, string];
const claimsOf = (jws: string) => JSON.parse(Buffer.from(partsOf(jws)[1], "base64url").toString());
const base64Url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Spoils the bytes of a message, without any key. */
const spoiled = (jws: string) =>
  fc.oneof(
    fc.nat(jws.length - 1).map((at) => jws.slice(0, at)),
    fc
      .tuple(fc.nat(jws.length - 1), fc.constantFrom("A", "z", "0", "_", ".", "\0", "é"))
      .filter(([at, character]) => jws[at] !== character && at < jws.length - 2)
      .map(([at, character]) => jws.slice(0, at) + character + jws.slice(at + 1)),
    fc.integer({ min: 1, max: jws.length - 1 }).map((at) => jws.slice(at)),
    fc.constantFrom("", ".", "..", "...", "{}", "null", `${jws}.`, `${jws}${jws}`, jws.repeat(2_000)),
    fc.string(),
    fc.constantFrom("none", "HS256", "ES256", "RS256").map((alg) => {
      const [head, payload, signature] = partsOf(jws);
      const { typ, kid } = JSON.parse(Buffer.from(head, "base64url").toString());
      return `${base64Url({ alg, kid, typ })}.${payload}.${alg === "none" ? "" : signature}`;
    }),
    fc.constantFrom("jwk", "x5c", "jku", "crit", "b64").map((name) => {
      const [head, payload, signature] = partsOf(jws);
      const header = JSON.parse(Buffer.from(head, "base64url").toString());
      return `${base64Url({ ...header, [name]: name === "b64" ? false : [name] })}.${payload}.${signature}`;
    }),
  );

/** The same content by somebody else's key under the right `kid`, or by the right key as another kind of message. */
const signedWrongly = (jws: string, type: MessageType) => {
  const others = ["clv-delta+jws", "clv-snap+jws", "clv-fresh+jws", "clv-query+jws"].filter(
    (t) => t !== type,
  );
  return fc.oneof(
    fc.constant(() => stranger.sign(type, encode(claimsOf(jws)))),
    fc.constantFrom(...(others as MessageType[])).map((other) => () => cp.sign(other, encode(claimsOf(jws)))),
  );
};

/** What the control plane itself could have signed, for somebody else, at another time, or in a later version. */
const deltaOfOthers: fc.Arbitrary<Partial<Record<keyof Delta, unknown>>> = fc.oneof(
  fc.constant({ org: "org_000000000002" }),
  fc.constant({ org: "org_000000000002", rev: 13, prev: "A".repeat(43) }),
  fc.constant({ epoch: 1 }),
  fc.constant({ epoch: 1, rev: 13 }),
  fc.constant({ v: 2 }),
  fc.constant({ changes: [{ op: "put", kind: "wizard", id: keyId(1), record: {} }] }),
  fc.constant({ restrictive: true, changes: [putKey(2, { status: "revoked" })] }),
  fc.constant({ v: 2, org: "org_000000000002", rev: 13 }),
  fc.constant({ v: 2, epoch: 1, rev: 13 }),
  fc.constantFrom("rev", "changes", "org", "epoch").map((name) => ({ [name]: undefined })),
);

/** A bus may say it a hundred times, in any order. */
const delta = fc.nat(11).chain((n) => {
  const jws = () => deltas[n] ?? "";
  return fc.oneof(
    fc.constant(() => Promise.resolve(jws())),
    spoiled(jws()).map((text) => () => Promise.resolve(text)),
    signedWrongly(jws(), "clv-delta+jws"),
    deltaOfOthers.map((change) => () => cp.sign("clv-delta+jws", encode({ ...claimsOf(jws()), ...change }))),
  );
});

test("a pushed message that is not the next one of this history changes nothing and is counted once", async () => {
  await fc.assert(
    fc.asyncProperty(delta, async (make) => {
      const before = held();
      const n = counted();
      follower.courier.push(await make());
      await follower.until(() => counted() > n, "it is counted");
      expect(counted()).toBe(n + 1);
      expect(held()).toEqual(before);
    }),
    { numRuns: 150 },
  );
});

test("all that was ever pushed, in any order and as often as somebody likes, changes nothing and is counted each time", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(11), { minLength: 1, maxLength: 60 }), async (order) => {
      const before = held();
      const n = counted();
      for (const i of order) follower.courier.push(deltas[i] ?? "");
      await follower.until(() => counted() >= n + order.length, "all are counted");
      expect(counted()).toBe(n + order.length);
      expect(held()).toEqual(before);
    }),
    { numRuns: 20 },
  );
});

/** Authentic answers to something else. */
const freshOfOthers: fc.Arbitrary<Partial<Record<keyof Fresh, unknown>>> = fc.oneof(
  fc.constant({ nonce: "another-nonce" }),
  fc.constant({ boot: "1.AAAAAAAAAAAA" }),
  fc.constant({ replica: "rep_000000000002" }),
  fc.constant({ org: "org_000000000002" }),
  fc.constant({ v: 2 }),
  fc.constant({ asOf: -1 }),
  fc.constant({ chain: "short" }),
  fc
    .constantFrom("nonce", "boot", "org", "replica", "cpTimeMs", "deltas")
    .map((name) => ({ [name]: undefined })),
);

type Answering = (jws: string, heartbeat: Heartbeat) => Promise<string>;

const answer: fc.Arbitrary<Answering> = fc.oneof(
  fc.nat(2).map(
    (n): Answering =>
      async () =>
        answers[n] ?? "",
  ),
  fc.constant("").chain(() =>
    spoiled(answers[0] ?? "").map(
      (text): Answering =>
        async () =>
          text,
    ),
  ),
  fc.nat(1_000_000).map(
    (seed): Answering =>
      async (jws) => {
        const [text = ""] = fc.sample(spoiled(jws), { seed, numRuns: 1 });
        return text;
      },
  ),
  fc.constant<Answering>((jws) => stranger.sign("clv-fresh+jws", encode(claimsOf(jws)))),
  fc.constantFrom<MessageType>("clv-delta+jws", "clv-snap+jws", "clv-query+jws").map(
    (type): Answering =>
      (jws) =>
        cp.sign(type, encode(claimsOf(jws))),
  ),
  freshOfOthers.map(
    (change): Answering =>
      (jws) =>
        cp.sign("clv-fresh+jws", encode({ ...claimsOf(jws), ...change })),
  ),
);

test("an answer that is not to this question, by this control plane, proves nothing and is counted (I5)", async () => {
  const genuine = follower.courier.onAnswer;
  await fc
    .assert(
      fc.asyncProperty(answer, async (make) => {
        const before = held();
        const n = counted();
        follower.courier.onAnswer = make;
        const { ageMs } = follower.follower.freshness();
        const spoken = heartbeats();
        follower.courier.poke();
        await follower.until(() => heartbeats() > spoken, "it is answered");
        // The changes that a recorded answer carries are counted too.
        expect(counted()).toBeGreaterThan(n);
        expect(held()).toEqual(before);
        expect(follower.follower.freshness().ageMs).toBeGreaterThanOrEqual(ageMs);
      }),
      { numRuns: 40 },
    )
    .finally(() => {
      follower.courier.onAnswer = genuine;
    });
});

test("control: the same messages unspoiled do change it, and are not counted", async () => {
  const before = held();
  const n = counted();
  await cp.commit([putKey(13)]);
  await follower.until(() => cp.row.revEffective === cp.head.rev, "the next revision");
  expect(held()).not.toEqual(before);
  expect(counted()).toBe(n);
});

/** The next epoch by a signed message, on the real follower and its disk (the rules are `shared/src/sync/adopt.test.ts`). */
import type { EpochMessage } from "@claviger/shared/wire/epoch";
import { createSign } from "@claviger/shared/wire/sign";
import { afterEach, expect, test } from "vitest";
import { FakeControlPlane, keyId, ORG, putKey } from "./testing/fake-control-plane.ts";
import { type Rig, rig } from "./testing/rig.ts";

const running: Rig[] = [];

async function upToDate(from?: Parameters<typeof rig>[0]): Promise<Rig> {
  const made = await rig(from);
  running.push(made);
  const { follower, cp } = made;
  follower.start();
  await made.until(() => Number.isFinite(follower.freshness().ageMs), "a first proof");
  await made.until(() => cp.row.revEffective === cp.head.rev, "confirmation of the head");
  return made;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ follower }) => follower.stop()));
});

/** "The next epoch continues this one where it stands", with these changes to it. */
function messageOf({ head }: FakeControlPlane, change: Partial<EpochMessage> = {}): Uint8Array {
  const { epoch, rev, chain } = head;
  const message = { v: 1, org: ORG, epoch: epoch + 1, continues: epoch, rev, chain, ...change };
  return new TextEncoder().encode(JSON.stringify(message));
}

test("a promotion that lost nothing costs no snapshot: the epoch is adopted, changes go on, and a restart stands there too", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1), putKey(2)]);
  await cp.commit([putKey(1, { status: "revoked" })], { restrictive: true });
  const first = await upToDate({ cp });
  const jws = await cp.sign("clv-epoch+jws", messageOf(cp));
  const pages = cp.pages.size;
  cp.head = { ...cp.head, epoch: cp.head.epoch + 1 };
  first.courier.push(jws);
  await cp.commit([putKey(3)]);
  await first.until(() => cp.row.epoch === 2 && cp.row.revEffective === 3, "confirmed in the next epoch");
  expect(cp.pages.size).toBe(pages);
  expect(first.follower.view.key(keyId(1))?.status).toBe("revoked");
  expect(first.follower.freshness().ageMs).toBeLessThan(30_000);
  await first.follower.stop();
  const next = await rig({ cp, store: first.store });
  expect(next.follower.status()).toMatchObject({ epoch: 2, rev: 3, loaded: "whole" });
  expect(next.follower.view.key(keyId(1))?.status).toBe("revoked");
});

test("one that is forged, cut, another organization's or not of what is held changes nothing and is counted", async () => {
  const cp = await FakeControlPlane.create();
  await cp.commit([putKey(1)]);
  const { courier, follower, until } = await upToDate({ cp });
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("a pair was expected");
  const good = await cp.sign("clv-epoch+jws", messageOf(cp));
  const signed = (change: Partial<EpochMessage>) => cp.sign("clv-epoch+jws", messageOf(cp, change));
  const bad = [
    await createSign(pair.privateKey, "cp-1")("clv-epoch+jws", messageOf(cp)),
    good.slice(0, -8),
    await signed({ org: "org_000000000002" }),
    await signed({ chain: "C".repeat(43) }),
    await signed({ rev: 7 }),
    await signed({ v: 2 as 1 }),
  ];
  for (const jws of bad) courier.push(jws);
  const counted = () => Object.values(follower.status().dropped).reduce((sum, n) => sum + n, 0);
  await until(() => counted() >= bad.length, "all of them");
  expect(follower.status()).toMatchObject({ epoch: 1, rev: 1 });
  // Control: the true one is taken.
  courier.push(good);
  await until(() => follower.status().epoch === 2, "adopted");
});

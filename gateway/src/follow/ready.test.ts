import { buildPolicy } from "@claviger/shared/testing/records";
import { expect, test } from "vitest";
import { ORG, putKey } from "./testing/fake-control-plane.ts";
import { rig } from "./testing/rig.ts";

test("a table without keys that nobody has proved yet is not ready: the keys may be on their way", async () => {
  const { cp, courier, follower, until } = await rig();
  const policy = buildPolicy({ id: ORG });
  await cp.commit([{ op: "put", kind: "policy", id: policy.id, record: policy }]);
  let answering = false;
  courier.onAnswer = (jws) => {
    if (!answering) throw new Error("no answer yet");
    return jws;
  };
  follower.start();
  // The push leads to a snapshot, and no proof comes with it.
  await cp.commit([], {});
  await until(() => follower.view.configured, "the snapshot");
  expect(follower.ready()).toBe(false);
  answering = true;
  await until(() => follower.ready(), "a proof");
  await cp.commit([putKey(1)]);
  await until(() => follower.status().keys === 1 && follower.ready(), "a key");
  await follower.stop();
});

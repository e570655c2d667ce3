import { SHOW_MAX } from "@claviger/shared/wire/escrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster, type TestCluster, type TestProcess } from "../testing/control-plane.ts";
import { startFakeReplica } from "../testing/fake-replica.ts";
import { FakeSpender } from "../testing/fake-spender.ts";
import { createTestOrganization } from "../testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
});

test("of many slices that are not known, no more are asked for than one heartbeat can bring", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const spender = new FakeSpender(await startFakeReplica(cp.ports, orgId, "gw"));
  const ids = Array.from({ length: SHOW_MAX + 6 }, (_, n) => `slc_${String(n).padStart(12, "0")}`);
  const holding = ids.map((slice) => ({ slice, amount: "1", spent: "0", reserved: "0", lastSeq: 0 }));
  const fresh = await spender.beat({ ...spender.report(), holding });
  expect(fresh.escrow?.show).toEqual(ids.slice(0, SHOW_MAX));
  await spender.replica.close();
});

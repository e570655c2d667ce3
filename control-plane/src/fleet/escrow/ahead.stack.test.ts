import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster, type TestCluster, type TestProcess } from "../testing/control-plane.ts";
import { startFakeReplica } from "../testing/fake-replica.ts";
import { createTestOrganization } from "../testing/organization.ts";
import { settleHoldings } from "./holdings.ts";
import { putTestBudget } from "./testing/budget.ts";

const DAY_MS = 86_400_000;

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
});

test("near the end of a day who spends is given a slice of the next one, and another when it spends more than twice as much", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const budget = await putTestBudget(cp.ports, orgId, { limit: 1_000_000n, period: "daily" });
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  const nextMs = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS;
  /** A heartbeat at that time, and what the process then has of the next day, smallest first. */
  const given = async (hold: string, nowMs = nextMs - DAY_MS / 48) => {
    const report = { holding: [], demand: [{ budget, hold, mean: "10" }], lastSeq: 0 };
    const beat = { replicaId: replica.id, boot: "1.aaaaaaaaa", report, isPartial: false, cursor: 0 };
    await cp.ports.db.transaction((tx) => settleHoldings(tx, cp.ports, orgId, [beat], nowMs));
    const rows = await cp.ports.db.execute<{ n: string }>(sql`
      select amount_n::text as n from slice where budget_id = ${budget} and start_ms = ${nextMs}
      order by amount_n`);
    return rows.map(({ n }) => Number(n));
  };
  expect(await given("1000", nextMs - DAY_MS / 2)).toEqual([]);
  expect(await given("0")).toEqual([]);
  expect(await given("1000")).toEqual([1_000]);
  expect(await given("1900")).toEqual([1_000]);
  expect(await given("2500")).toEqual([1_000, 1_500]);
  expect(await given("2500")).toEqual([1_000, 1_500]);
  // However it grows, eight at most.
  let hold = 2_500;
  for (let n = 0; n < 10; n++) {
    hold *= 2.1;
    await given(String(Math.round(hold)));
  }
  expect((await given("900000")).length).toBe(8);
  await replica.close();
}, 120_000);

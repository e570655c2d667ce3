import { Holder } from "@claviger/shared/rate/holder";
import { wholeOf } from "@claviger/shared/rate/limit";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../db/new-id.ts";
import { random, startCluster, type TestCluster, type TestProcess } from "../testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "../testing/fake-replica.ts";
import { createTestOrganization } from "../testing/organization.ts";

let cluster: TestCluster;
/** Two processes of the control plane share database and bus; each report goes to one of them. */
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
  await cluster.start();
}, 60_000);
afterAll(async () => {
  await cluster?.stop();
});

interface Sharer {
  readonly replica: FakeReplica;
  readonly holder: Holder;
  /** Asks for so many requests, and reports. */
  report(n: number): Promise<void>;
  held(): number;
}

const now = () => ({ monoMs: performance.now(), wallMs: Date.now() });

/** The real holder of a replica, whose heartbeats the test sends. */
function sharerOf(replica: FakeReplica, key: () => string, perMinute: number): Sharer {
  const holder = new Holder(performance.now(), () => undefined);
  const asked = { tokensPerMinute: null, maxConcurrency: 10, requestsPerMinute: perMinute };
  return {
    replica,
    holder,
    async report(n) {
      const { monoMs, wallMs } = now();
      for (let i = 0; i < n; i++) holder.take({ ...asked, keyId: key() }, 1, monoMs, wallMs);
      if (n > 0 && holder.enter({ ...asked, keyId: key() }, monoMs, wallMs)) holder.leave(key());
      const { rates } = await replica.beat({ rates: wire(holder) });
      if (rates !== undefined) holder.takeIn(rates, now());
    },
    held: () => holder.entries.get(key())?.requests?.bucket.dealtRate ?? 0,
  };
}

function wire(holder: Holder) {
  const report = holder.report(now());
  return { ...report, keys: [...report.keys] };
}

/** An organization with some replicas that have reported once, and then a key. */
async function fleetOf(count: number, perMinute: number) {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  let key = "";
  const sharers: Sharer[] = [];
  for (let i = 0; i < count; i++) {
    const replica = await startFakeReplica(cp.ports, orgId, `gw-${i}`);
    sharers.push(sharerOf(replica, () => key, perMinute));
  }
  // The first tells where the book begins, and the second is in full knowledge of it.
  for (const sharer of [...sharers, ...sharers]) await sharer.report(0);
  key = await putKey(orgId, projectId, perMinute);
  const close = () => Promise.all(sharers.map(({ replica }) => replica.close()));
  return { orgId, projectId, key: () => key, sharers, close };
}

async function putKey(orgId: string, projectId: string, perMinute: number): Promise<string> {
  const id = newId(random, "key");
  await cp.ports.db.transaction(async (tx) => {
    // Neither owner nor project is looked at here.
    await tx.execute(sql`set local session_replication_role = replica`);
    await tx.execute(sql`
      insert into api_key (id, org_id, project_id, kind, name, owner_id, preview, generation, hashes, status,
        max_staleness_seconds, requests_per_minute, max_concurrency, mcp, metadata, created_at, revision, status_revision)
      values (${id}, ${orgId}, ${projectId}, 'key', 'k', 'mem_000000000000', '', 1, '[]', 'active',
        900, ${perMinute}, 10, '{}', '{}', clock_timestamp(), '1.1', '1.1')`);
  });
  return id;
}

const whole = wholeOf(600).rate;
const sum = (sharers: readonly Sharer[]) => sharers.reduce((all, one) => all + one.held(), 0);

describe("shares of a limit", () => {
  test("follow demand over two processes of the control plane, and their sum never exceeds the limit", async () => {
    const { sharers, close } = await fleetOf(3, 600);
    const [a, b, c] = sharers as [Sharer, Sharer, Sharer];
    for (let round = 0; round < 12; round++) {
      // All at once, so that the two processes deal at the same time.
      await Promise.all([a.report(90), b.report(9), c.report(1)]);
      expect(sum(sharers)).toBeLessThanOrEqual(whole);
    }
    expect(a.held() / whole).toBeGreaterThan(0.7);
    expect(b.held() / whole).toBeGreaterThan(0.04);
    expect(sum(sharers) / whole).toBeGreaterThan(0.9);
    for (let round = 0; round < 12; round++) {
      await Promise.all([a.report(1), b.report(9), c.report(4_000)]);
      expect(sum(sharers)).toBeLessThanOrEqual(whole);
    }
    expect(c.held() / whole).toBeGreaterThan(0.7);
    await close();
  }, 60_000);

  test("of who says goodbye or is detached are free at once, those of who is silent are not", async () => {
    const { sharers, close } = await fleetOf(3, 600);
    const [a, b, c] = sharers as [Sharer, Sharer, Sharer];
    await a.report(50);
    expect(a.held() / whole).toBeGreaterThan(0.9);
    for (let n = 0; n < 3; n++) await b.report(50);
    expect(b.held()).toBe(0);
    await a.replica.beat({ bye: true, rates: wire(a.holder) });
    await b.report(50);
    expect(b.held() / whole).toBeGreaterThan(0.4);
    await cp.ports.db.execute(sql`update replica set gone_at = now() where id = ${b.replica.id}`);
    await c.report(50);
    expect(c.held() / whole).toBeGreaterThan(0.4);
    await close();
  }, 60_000);

  test("are learnt again after the books were lost, and none grows before everybody has said what it holds", async () => {
    const { orgId, sharers, close } = await fleetOf(3, 600);
    const [a, b] = sharers as [Sharer, Sharer, Sharer];
    await a.report(50);
    const before = a.held();
    // As a crash of PostgreSQL leaves it.
    await cp.ports.db.execute(sql`delete from rate_book where org_id = ${orgId}`);
    for (let n = 0; n < 3; n++) await b.report(500);
    expect([a.held(), b.held()]).toEqual([before, 0]);
    for (const round of [1, 2, 3, 4, 5]) {
      for (const sharer of sharers) await sharer.report(sharer === b ? 500 * round : 0);
      expect(sum(sharers)).toBeLessThanOrEqual(whole);
    }
    expect(b.held() / whole).toBeGreaterThan(0.5);
    await close();
  }, 60_000);

  test("of another organization's key are nobody's", async () => {
    const mine = await fleetOf(1, 600);
    const other = await fleetOf(1, 600);
    const [stranger] = other.sharers as [Sharer];
    const asked = { keyId: mine.key(), requestsPerMinute: 600, tokensPerMinute: null, maxConcurrency: null };
    stranger.holder.take(asked, 1, performance.now(), Date.now());
    const { rates } = await stranger.replica.beat({ rates: wire(stranger.holder) });
    expect(rates?.keys).toEqual([]);
    await Promise.all([mine.close(), other.close()]);
  }, 60_000);
});

/**
 * A standby is promoted at a random instant under revocations (I25). With a synchronous standby no confirmed revocation
 * disappears. Without one some do: that run is kept, because a test that passes there too would prove nothing.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { migrate } from "../../control-plane/src/db/migrate.ts";
import { journaled } from "../../control-plane/src/fleet/journal.ts";
import { awaitOperation } from "../../control-plane/src/fleet/operations.ts";
import { startCluster, type TestProcess } from "../../control-plane/src/fleet/testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "../../control-plane/src/fleet/testing/fake-replica.ts";
import {
  createTestOrganization,
  putTestKey,
  testKey,
} from "../../control-plane/src/fleet/testing/organization.ts";
import { readStatus } from "../../control-plane/src/status/read.ts";
import { openRelayPort, type RelayPort } from "./relay-port.ts";
import { makePlace, primaryBy, putFile, type Server, urlBy } from "./servers.ts";
import { until } from "./until.ts";

const KEYS = 400;
const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

interface Pair {
  primary: Server;
  standby: Server;
  /** What the control plane calls the database. */
  database: RelayPort;
  replication: RelayPort;
}

async function startPair(synchronous: boolean): Promise<Pair> {
  const place = makePlace();
  const primary = await place.server("primary");
  await primary.start();
  await migrate(urlBy(primary.port));
  await primary.stop();
  const standby = await place.server("standby", primary.dataDir);
  putFile(standby.dataDir, "standby.signal", "");
  const replication = await openRelayPort(primary.port);
  const database = await openRelayPort(primary.port);
  await primary.start(synchronous ? { synchronous_standby_names: "standby" } : {});
  await standby.start({ primary_conninfo: primaryBy(replication.port), wal_retrieve_retry_interval: "100" });
  await until("the standby streams", () =>
    primary.query(async (query) => {
      const [row] = await query`select count(*)::int as n from pg_stat_replication where state = 'streaming'`;
      return row?.n === 1;
    }),
  );
  cleanUp.push(
    () => place.remove(),
    () => standby.stop(),
    () => primary.stop(),
    () => replication.close(),
    () => database.close(),
  );
  return { primary, standby, database, replication };
}

/** The primary's machine is gone and the standby takes its place. */
async function failOver({ primary, standby, database }: Pair): Promise<void> {
  database.cut(true);
  primary.kill();
  await standby.query((query) => query`select pg_promote(true, 30)`);
  database.aim(standby.port);
}

interface Run {
  /** Who serves after the failover. */
  promoted: Server;
  cp: TestProcess;
  orgId: string;
  replicas: FakeReplica[];
  /** Keys whose revocation was answered as confirmed. */
  confirmed: string[];
  /** Ends the revoking. */
  stop(): Promise<void>;
}

async function startRevoking(pair: Pair): Promise<Run> {
  const cluster = await startCluster(urlBy(pair.database.port));
  cleanUp.push(() => cluster.stop());
  const cp = await cluster.start();
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const keys = Array.from({ length: KEYS }, () => testKey(projectId));
  await journaled(cp.ports, orgId, async () => ({
    value: null,
    entry: {
      actor: { kind: "system", id: "system", name: "test" },
      action: "api-key.create",
      effect: "giving",
      changes: keys.map((record) => ({ op: "put", kind: "key", id: record.id, record })),
      keys: [],
    },
  }));
  const replicas = [
    await startFakeReplica(cp.ports, orgId, "eu-1"),
    await startFakeReplica(cp.ports, orgId, "us-1"),
  ];
  cleanUp.push(() => Promise.all(replicas.map((replica) => replica.close())));
  for (const replica of replicas) {
    await replica.beat();
    await replica.catchUp();
    await replica.beat();
  }
  const confirmed: string[] = [];
  let going = true;
  const revokeOn = async () => {
    for (let key = keys.pop(); key !== undefined && going; key = keys.pop()) {
      try {
        const record = { ...key, status: "revoked" as const };
        const { operationId } = await putTestKey(cp.ports, orgId, record, "restrictive");
        const view = await awaitOperation(cp.ports, orgId, operationId, 2_000);
        if (view.status === "confirmed") confirmed.push(key.id);
      } catch {
        // The database is away: this revocation was not confirmed to anybody.
      }
    }
  };
  const workers = [revokeOn(), revokeOn(), revokeOn()];
  await until("revocations are confirmed", async () => confirmed.length >= 3);
  const stop = async () => {
    going = false;
    await Promise.all(workers);
  };
  return { promoted: pair.standby, cp, orgId, replicas, confirmed, stop };
}

/** Confirmed revocations that the promoted database knows nothing of. */
async function forgotten({ promoted, orgId, confirmed }: Run): Promise<string[]> {
  const rows = await promoted.query(
    (query) => query`
    select id from org_record where org_id = ${orgId} and kind = 'key' and record->>'status' = 'revoked'`,
  );
  const known = new Set(rows.map(({ id }) => String(id)));
  return confirmed.filter((id) => !known.has(id));
}

/** Of which epochs a snapshot was ever built and not replaced since. */
async function snapshotEpochs({ promoted, orgId }: Run): Promise<number[]> {
  const rows = await promoted.query((query) => query`select epoch from snapshot where org_id = ${orgId}`);
  return rows.map(({ epoch }) => Number(epoch));
}

async function underRevocations(synchronous: boolean): Promise<Run> {
  const pair = await startPair(synchronous);
  const run = await startRevoking(pair);
  await pause(50 + Math.random() * 300);
  pair.replication.swallow();
  const before = run.confirmed.length;
  // Of six that are confirmed from here on at most three, one for each who revokes, had been committed already.
  if (synchronous) await pause(250);
  else await until("more is confirmed", () => run.confirmed.length >= before + 6);
  await failOver(pair);
  // Whoever speaks first on the new timeline is answered from the new epoch.
  for (const replica of run.replicas) {
    await until("a heartbeat is answered", async () => {
      const fresh = await replica.beat();
      // Who holds what the promoted server has goes on with it; only what was lost costs a snapshot.
      expect(fresh).toMatchObject(synchronous ? { epoch: 2, resync: false } : { epoch: 2 });
      return true;
    });
  }
  await run.stop();
  for (const replica of run.replicas) {
    await replica.catchUp();
    expect(await replica.beat()).toMatchObject({ epoch: 2, resync: false });
  }
  return run;
}

test("a synchronous standby that is promoted has every confirmed revocation, and its epoch is the next one (I25)", async () => {
  const run = await underRevocations(true);
  expect(run.confirmed.length).toBeGreaterThan(0);
  expect(await forgotten(run)).toEqual([]);
  const rows = await run.promoted.query(
    (query) => query`select epoch, why, loss from org_epoch where org_id = ${run.orgId}`,
  );
  expect([...rows]).toEqual([{ epoch: 2, why: "server", loss: "none" }]);
  expect(await snapshotEpochs(run)).toEqual([1]);
  expect(await readStatus(run.cp.ports)).toMatchObject({ voidConfirmations: [] });
});

test("known bad: without a synchronous standby confirmed revocations disappear, and the status says so (I25)", async () => {
  const run = await underRevocations(false);
  expect((await forgotten(run)).length).toBeGreaterThan(0);
  const status = await readStatus(run.cp.ports);
  expect(status).toMatchObject({
    revocations: "best effort during database failover",
    voidConfirmations: [{ proved: true }],
  });
  const [lost] = status.voidConfirmations;
  expect(Date.parse(lost?.until ?? "")).toBeGreaterThan(Date.parse(lost?.since ?? ""));
});

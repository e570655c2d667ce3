import { ApiProblem } from "@claviger/shared/api/problem";
import { sql } from "drizzle-orm";
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createDataKey, sealDataKeys } from "./data-key.ts";
import { enrol, issueEnrolmentToken } from "./enrolment.ts";
import type { Tx } from "./journal.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { connectFakeReplica, enrolmentKeys } from "./testing/fake-replica.ts";
import { createTestOrganization } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterAll(async () => {
  await cluster?.stop();
});

async function tokenFor(replicas: number) {
  const { orgId } = await createTestOrganization(cp.ports);
  const request = { orgId, name: "eu-1", region: "eu", replicas };
  return { orgId, ...(await cp.ports.db.transaction((tx) => issueEnrolmentToken(tx, cp.ports, request))) };
}

function enrolWith(token: string, keys = enrolmentKeys()) {
  const { publicKey: nkey, sealKey } = keys;
  return enrol(cp.ports, { v: 1, token, slot: "0", nkey, sealKey, runtime: "node" });
}

/** Runs `write` as a detachment does, below the organization's lock, and commits when `late` waits for it. */
async function heldUp<T>(orgId: string, write: (tx: Tx) => Promise<unknown>, late: () => Promise<T>) {
  const { promise: written, resolve: goOn } = Promise.withResolvers<void>();
  const { promise: seen, resolve: commit } = Promise.withResolvers<void>();
  const holder = cp.ports.db.transaction(async (tx) => {
    await tx.execute(sql`select 1 from org_head where org_id = ${orgId} for no key update`);
    await write(tx);
    goOn();
    await seen;
  });
  await Promise.race([written, holder]);
  const outcome = late().then(
    (value) => ({ value }),
    (error: unknown) => ({ error: error instanceof ApiProblem ? error.code : error }),
  );
  let ended = false;
  void outcome.then(() => {
    ended = true;
  });
  await vi.waitFor(
    async () => {
      const [row] = await cp.ports.db.execute<{ n: number }>(sql`
      select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
      expect(ended || (row?.n ?? 0) > 0).toBe(true);
    },
    { timeout: 30_000 },
  );
  commit();
  await holder;
  return outcome;
}

test("who enrols while its gateway is being detached is turned away", async () => {
  const { secret, orgId, gatewayId } = await tokenFor(3);
  await enrolWith(secret);
  const outcome = await heldUp(
    orgId,
    (tx) => tx.execute(sql`update gateway set gone_at = clock_timestamp() where id = ${gatewayId}`),
    () => enrolWith(secret),
  );
  expect(outcome).toEqual({ error: "enrolment_expired" });
  const [row] = await cp.ports.db.execute(
    sql`select count(*)::int as n from replica where org_id = ${orgId}`,
  );
  expect(row).toEqual({ n: 1 });
});

test("who enrols while a data key is being made gets it, at once or by a heartbeat", async () => {
  const { secret, orgId } = await tokenFor(1);
  const keys = enrolmentKeys();
  let made = "";
  const outcome = await heldUp(
    orgId,
    async (tx) => {
      made = await createDataKey(tx, cp.ports, orgId);
    },
    () => enrolWith(secret, keys),
  );
  if (!("value" in outcome)) throw outcome.error;
  const replica = await connectFakeReplica(outcome.value, keys);
  const { dataKeys = [] } = await replica.beat();
  const given = [...outcome.value.dataKeys, ...dataKeys].map((jwe) => decodeProtectedHeader(jwe).dek_id);
  expect(given).toContain(made);
  await replica.close();
});

test("a detached replica is not given the data key that its detachment made", async () => {
  const { secret, orgId } = await tokenFor(1);
  const keys = enrolmentKeys();
  const answer = await enrolWith(secret, keys);
  await cp.ports.db.execute(
    sql`update replica set gone_at = clock_timestamp() where id = ${answer.replicaId}`,
  );
  const target = { orgId, gatewayId: answer.gatewayId, replicaId: answer.replicaId, sealKey: keys.sealKey };
  expect(await sealDataKeys(cp.ports.db, cp.ports, target)).toEqual([]);
});

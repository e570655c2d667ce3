/**
 * What the accounts that this control plane makes do in ordinary use (PROTOCOL §6 E5); `isolation.stack.test.ts` has what
 * they keep out.
 */
import { jwtAuthenticator } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { orgAccount } from "../db/tables/org-account.ts";
import { replica as replicaTable } from "../db/tables/replica.ts";
import { revokeUsers } from "./accounts.ts";
import { KEK, startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization, putTestKey, testKey } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;
let a: { orgId: string; projectId: string; account: string };
let b: { orgId: string; projectId: string; account: string };
let a1: FakeReplica;
let a2: FakeReplica;
let b1: FakeReplica;

async function organization() {
  const made = await createTestOrganization(cp.ports);
  const [row] = await cp.ports.db.select().from(orgAccount).where(eq(orgAccount.orgId, made.orgId));
  return { ...made, account: row?.account ?? "" };
}

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
  a = await organization();
  b = await organization();
  a1 = await startFakeReplica(cp.ports, a.orgId, "a-1");
  a2 = await startFakeReplica(cp.ports, a.orgId, "a-2");
  b1 = await startFakeReplica(cp.ports, b.orgId, "b-1");
});
afterAll(async () => {
  await Promise.all([a1, a2, b1].map((replica) => replica?.close()));
  await cluster?.stop();
});

test("T1 organization and replica in a heartbeat's subject are the server's stamp", async () => {
  const fresh = await a1.beat({ replica: b1.id });
  expect(fresh).toMatchObject({ org: a.orgId, replica: a1.id });
});

test("T3 and T4 a change reaches the organization's replicas and nobody else", async () => {
  const heard = { a1: 0, a2: 0, b1: 0 };
  for (const [name, { connection }] of Object.entries({ a1, a2, b1 })) {
    connection.subscribe("dn.d", {
      callback: () => {
        heard[name as keyof typeof heard]++;
      },
    });
    await connection.flush();
  }
  await putTestKey(cp.ports, a.orgId, testKey(a.projectId), "giving");
  await putTestKey(cp.ports, b.orgId, testKey(b.projectId), "giving");
  // A request to the control plane comes back over the same connection, after what was published before it.
  for (const replica of [a1, a2, b1]) await replica.beat();
  for (const replica of [a1, a2, b1]) await replica.beat();
  expect(heard).toEqual({ a1: 1, a2: 1, b1: 1 });
});

test("T10 and T11 a revoked replica's live connection is dropped and cannot come back; its neighbour stays", async () => {
  const disconnected = (async () => {
    for await (const event of a2.connection.status()) {
      if (event.type === "disconnect" || event.type === "close") return;
    }
  })();
  const [row] = await cp.ports.db.select().from(replicaTable).where(eq(replicaTable.id, a2.id));
  const start = performance.now();
  await cp.ports.db.transaction((tx) => revokeUsers(tx, cp.ports, a.orgId, [row?.nkey ?? ""]));
  await disconnected;
  process.stdout.write(`a revoked replica was cut off after ${(performance.now() - start).toFixed(0)} ms\n`);
  const again = connect({
    servers: cluster.nats.url,
    authenticator: jwtAuthenticator(a2.answer.natsJwt, a2.user.seed),
    reconnect: false,
  });
  await expect(again).rejects.toThrow(/Authorization/i);
  expect((await a1.beat()).replica).toBe(a1.id);
});

test("the key-encryption key stands in no server file", async () => {
  const { readdirSync, readFileSync, statSync } = await import("node:fs");
  const { join } = await import("node:path");
  const files = readdirSync(cluster.nats.dir, { recursive: true }).map((name) =>
    join(cluster.nats.dir, String(name)),
  );
  const texts = files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file, "utf8"));
  expect(texts.length).toBeGreaterThan(2);
  expect(texts.some((text) => text.includes(Buffer.from(KEK).toString("base64")))).toBe(false);
});

import { createHash } from "node:crypto";
import { Change } from "@claviger/shared/wire/record";
import { replicaSubjects } from "@claviger/shared/wire/subjects";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { BEAT_BYTES_MAX } from "./deltas.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization, putTestKey, testKey } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterAll(async () => {
  await cluster?.stop();
});

test("a new replica gets a snapshot whose pages hold exactly the organization's records", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const keys = Array.from({ length: 30 }, () =>
    testKey(projectId, { metadata: { pad: "x".repeat(20_000) } }),
  );
  for (const key of keys) await putTestKey(cp.ports, orgId, key, "neutral");
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  const fresh = await replica.beat();
  expect(fresh).toMatchObject({ resync: true, deltas: [], asOf: 31 });
  await replica.catchUp();
  expect(replica.held.rev).toBe(31);
  const { pages } = z
    .object({ pages: z.array(z.string()) })
    .parse(JSON.parse(Buffer.from(String((await snapshotOf(orgId)).split(".")[1]), "base64url").toString()));
  expect(pages.length).toBeGreaterThan(1);
  const records: Change[] = [];
  for (const sha256 of pages) {
    const page = await replica.connection.request(
      replicaSubjects.page(replica.id),
      JSON.stringify({ sha256 }),
      { timeout: 30_000 },
    );
    expect(createHash("sha256").update(page.data).digest("base64url")).toBe(sha256);
    expect(page.data.length).toBeLessThanOrEqual(524_288);
    records.push(...z.array(Change).parse(page.json()));
  }
  expect(
    records
      .filter((change) => change.kind === "key")
      .map((change) => change.id)
      .sort(),
  ).toEqual(keys.map((key) => key.id).sort());
  expect(records.map((change) => change.kind).slice(0, 2)).toEqual(["policy", "project"]);
  expect(await replica.beat()).toMatchObject({ resync: false, deltas: [] });
  await replica.close();
});

test("a replica that has refused the next delta gets a snapshot that lies past it, and not the same delta again", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.beat();
  await replica.catchUp();
  replica.following = false;
  const { rev } = await putTestKey(cp.ports, orgId, testKey(projectId), "giving");
  const refused = { rev, code: "unsupported", detail: "a delta that is not understood" } as const;
  expect(await replica.beat()).toMatchObject({ resync: false, deltas: [expect.any(String)], asOf: rev });
  // Not even in the answer to its complaint, nor as long as it complains.
  for (let n = 0; n < 2; n++) {
    expect(await replica.beat({ nack: refused })).toMatchObject({ resync: false, deltas: [], asOf: rev });
  }
  await replica.catchUp();
  expect(replica.held).toMatchObject({ rev, deltas: [] });
  expect(await replica.beat()).toMatchObject({ resync: false, deltas: [], asOf: rev });
  const next = await putTestKey(cp.ports, orgId, testKey(projectId), "giving");
  await replica.catchUp();
  expect(replica.held.deltas.map((delta) => delta.rev)).toEqual([next.rev]);
  await replica.close();
});

async function snapshotOf(orgId: string): Promise<string> {
  const [row] = await cp.ports.db.execute<{ jws: string }>(
    sql`select jws from snapshot where org_id = ${orgId}`,
  );
  return row?.jws ?? "";
}

test("a page of another organization is not served", async () => {
  const [mine, theirs] = [await createTestOrganization(cp.ports), await createTestOrganization(cp.ports)];
  const one = await startFakeReplica(cp.ports, mine.orgId, "eu-1");
  const other = await startFakeReplica(cp.ports, theirs.orgId, "eu-1");
  for (const replica of [one, other]) {
    await replica.beat();
    await replica.catchUp();
  }
  const [row] = await cp.ports.db.execute<{ sha256: string }>(
    sql`select sha256 from snapshot_page where org_id = ${theirs.orgId}`,
  );
  const ask = (replica: typeof one, timeout: number) =>
    replica.connection.request(replicaSubjects.page(replica.id), JSON.stringify(row), { timeout });
  expect((await ask(other, 30_000)).data.length).toBeGreaterThan(0);
  await expect(ask(one, 1_000)).rejects.toThrow();
  await Promise.all([one.close(), other.close()]);
});

test("missed deltas come with the heartbeat as far as they fit, the rest by sync, and the chain holds", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.beat();
  await replica.catchUp();
  replica.following = false;
  for (let i = 0; i < 20; i++) {
    const key = testKey(projectId, { metadata: { pad: "y".repeat(30_000) } });
    await putTestKey(cp.ports, orgId, key, "neutral");
  }
  const fresh = await replica.beat();
  expect(fresh.resync).toBe(false);
  expect(fresh.deltas.length).toBeGreaterThan(0);
  expect(fresh.deltas.join("").length).toBeLessThanOrEqual(BEAT_BYTES_MAX);
  await replica.catchUp();
  expect(replica.held.rev).toBe(fresh.asOf);
  expect(replica.held.chain).toBe(fresh.chain);
  expect(replica.held.deltas).toHaveLength(20);
  const large = testKey(projectId, { metadata: { pad: "z".repeat(BEAT_BYTES_MAX) } });
  const { rev } = await putTestKey(cp.ports, orgId, large, "neutral");
  expect(await replica.beat()).toMatchObject({ deltas: [], resync: false, asOf: rev });
  await replica.catchUp();
  expect(replica.held.rev).toBe(rev);
  await replica.close();
});

test("a replica on another branch of history is told to take a snapshot and confirms nothing", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  replica.following = false;
  const { rev } = await putTestKey(cp.ports, orgId, testKey(projectId), "giving");
  const fresh = await replica.beat({ revApplied: rev, revEffective: rev, chain: "B".repeat(43) });
  expect(fresh.resync).toBe(true);
  const [row] = await cp.ports.db.execute<{ rev: string }>(
    sql`select rev_effective as rev from replica where id = ${replica.id}`,
  );
  expect(Number(row?.rev)).toBe(rev - 1);
  await replica.close();
});

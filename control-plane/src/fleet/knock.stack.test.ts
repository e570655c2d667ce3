import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Ports } from "../ports.ts";
import { createPost, parseEgressAllow } from "../runtime/node/egress.ts";
import { createKnocker } from "./knock.ts";
import { awaitOperation } from "./operations.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { enrolmentKeys, startFakeReplica } from "./testing/fake-replica.ts";
import { type FakeWorker, startFakeWorker } from "./testing/fake-worker.ts";
import { createTestOrganization, putTestKey, testKey } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});
afterAll(async () => {
  await cluster?.stop();
});

/** The same process, which knocks at what the list allows. */
function knocking(allow: readonly string[], database = cp.ports.db): Ports {
  const base = { ...cp.ports, db: database };
  const knock = createKnocker(base, createPost(parseEgressAllow(allow)));
  return { ...base, fleet: { ...base.fleet, knock } };
}

async function sleeping() {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const worker = await startFakeWorker(cp.ports, orgId, "edge-1");
  open.push(worker);
  // As one that has been quiet for long.
  await cp.ports.db.execute(sql`
    update replica set last_seen = clock_timestamp() - interval '4 minutes' where id = ${worker.id}`);
  const key = testKey(projectId);
  await putTestKey(cp.ports, orgId, key, "neutral");
  return { orgId, projectId, worker, key };
}

async function revoke(ports: Ports, { orgId, key }: Awaited<ReturnType<typeof sleeping>>, waitMs = 30_000) {
  const made = await putTestKey(ports, orgId, { ...key, status: "revoked" }, "restrictive");
  return awaitOperation(ports, orgId, made.operationId, waitMs);
}

const alone = ({ worker }: { worker: FakeWorker }) => knocking([worker.host]);

test("control: without a knock a sleeping edge is unreachable, and the answer does not wait for it", async () => {
  const edge = await sleeping();
  const view = await revoke(cp.ports, edge);
  expect(view).toMatchObject({ status: "pending", gateways: [{ state: "unreachable" }] });
  expect(edge.worker.knocks).toEqual([]);
});

test("a barrier completes against a sleeping edge: it is given what it lacks and its signed heartbeat confirms", async () => {
  const edge = await sleeping();
  const view = await revoke(alone(edge), edge);
  expect(view).toMatchObject({ status: "confirmed", gateways: [{ name: "edge-1", state: "confirmed" }] });
  const [knock] = edge.worker.knocks;
  expect(knock).toMatchObject({ v: 1, replica: edge.worker.id });
  expect(knock?.messages).toHaveLength(2);
  expect(edge.worker.deltas.at(-1)).toMatchObject({ restrictive: true });
});

test("one that lacks more than its row says is led on by the answer to its heartbeat", async () => {
  const edge = await sleeping();
  await cp.ports.db.execute(sql`
    update replica set rev_applied = rev_applied + 1, rev_effective = rev_effective + 1 where id = ${edge.worker.id}`);
  expect(await revoke(alone(edge), edge)).toMatchObject({ status: "confirmed" });
  expect(edge.worker.knocks.map(({ fresh }) => fresh !== undefined)).toEqual([false, true]);
});

test("who hears the bus is not knocked at, also with a public URL", async () => {
  const { orgId, projectId } = await createTestOrganization(cp.ports);
  const replica = await startFakeReplica(cp.ports, orgId, "eu-1");
  open.push(replica);
  await cp.ports.db.execute(
    sql`update replica set public_url = 'http://127.0.0.1:1' where id = ${replica.id}`,
  );
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  let posts = 0;
  const base = cp.ports;
  const knock = createKnocker(base, async () => {
    posts += 1;
    throw new Error("nobody is there");
  });
  const made = await putTestKey(base, orgId, testKey(projectId), "giving");
  expect(await awaitOperation(base, orgId, made.operationId, 30_000)).toMatchObject({ status: "confirmed" });
  await knock(orgId);
  expect(posts).toBe(0);
});

test("an address that the operator has not allowed is never connected to", async () => {
  const edge = await sleeping();
  expect(await revoke(knocking([]), edge)).toMatchObject({ status: "pending" });
  expect(edge.worker.knocks).toEqual([]);
});

test.each<[string, (worker: FakeWorker) => void]>([
  [
    "of another replica",
    (worker) => {
      worker.signer = enrolmentKeys();
    },
  ],
  [
    "whose body was changed on its way",
    (worker) => {
      worker.reply = (response, { headers, body }) =>
        void response.writeHead(200, headers).end(body.replace('"inflight":0', '"inflight":1'));
    },
  ],
  [
    "without a signature",
    (worker) => {
      worker.reply = (response, { body }) => void response.writeHead(200).end(body);
    },
  ],
  [
    "that is no heartbeat",
    (worker) => {
      worker.reply = (response, { headers }) => void response.writeHead(200, headers).end("<html>");
    },
  ],
])("an answer %s confirms nothing", async (_whose, change) => {
  const edge = await sleeping();
  change(edge.worker);
  expect(await revoke(alone(edge), edge)).toMatchObject({
    status: "pending",
    gateways: [{ state: "unreachable" }],
  });
  expect(edge.worker.knocks).toHaveLength(1);
});

test("the answer of one replica counts for no other, and a recorded one does not count again", async () => {
  const edge = await sleeping();
  const other = await startFakeWorker(cp.ports, edge.orgId, "edge-2");
  open.push(other);
  edge.worker.signer = other.signer;
  expect(await revoke(alone(edge), edge, 2_000)).toMatchObject({ status: "pending" });
  const recorded = await sleeping();
  const answers: { headers: Record<string, string>; body: string }[] = [];
  recorded.worker.listening = false;
  recorded.worker.reply = (response, answer) => {
    answers.push(answer);
    const [first = answer] = answers;
    response.writeHead(200, first.headers).end(first.body);
  };
  const before = await seenOf(recorded.worker);
  await revoke(alone(recorded), recorded, 2_000);
  expect(answers.length).toBe(2);
  expect(await seenOf(recorded.worker)).not.toBe(before);
});

async function seenOf({ id }: FakeWorker) {
  const [row] = await cp.ports.db.execute(sql`select last_seen::text as at from replica where id = ${id}`);
  return row?.at;
}

test("one that does not answer is left in peace for a while, whatever changes meanwhile", async () => {
  const edge = await sleeping();
  edge.worker.reply = (response) => void response.writeHead(500).end();
  const ports = alone(edge);
  for (let i = 0; i < 5; i++) {
    await putTestKey(ports, edge.orgId, testKey(edge.projectId), "neutral");
    await ports.fleet.knock?.(edge.orgId);
  }
  expect(edge.worker.knocks.length).toBeLessThan(5);
});

test("an address that hangs delays the knocks at itself and at nobody else of its organization", async () => {
  const edge = await sleeping();
  const other = await startFakeWorker(cp.ports, edge.orgId, "edge-2");
  open.push(other);
  const hanging = Promise.withResolvers<never>();
  const post = createPost(parseEgressAllow([other.host]));
  let hung = 0;
  const knock = createKnocker(cp.ports, async (url, body) => {
    if (!url.includes(edge.worker.host)) return post(url, body);
    hung += 1;
    return hanging.promise;
  });
  const knocks: Promise<void>[] = [];
  for (let n = 1; n <= 3; n++) {
    await putTestKey(cp.ports, edge.orgId, testKey(edge.projectId), "neutral");
    knocks.push(knock(edge.orgId));
    await vi.waitFor(() => expect(other.knocks).toHaveLength(n), { timeout: 20_000 });
  }
  expect(hung).toBe(1);
  hanging.reject(new Error("it hung"));
  await Promise.all(knocks);
});

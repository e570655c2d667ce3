import { Fresh } from "@claviger/shared/wire/heartbeat";
import { Query } from "@claviger/shared/wire/query";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createVerify } from "@claviger/shared/wire/sign";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Ports } from "../ports.ts";
import { takeUsage } from "../usage/intake.ts";
import { createDesk, type Desk } from "./desk.ts";
import { createMailbox, type Mailbox } from "./mailbox.ts";
import { issueQueryId } from "./query-ids.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization } from "./testing/organization.ts";

let cluster: TestCluster;
/** Asks; the replica never calls it. */
let asker: TestProcess;
let called: { mailbox: Mailbox; desk: Desk; ports: Ports };
let other: { mailbox: Mailbox; desk: Desk };
let orgId: string;
let replica: FakeReplica;

function deskOf({ ports }: TestProcess) {
  const mailbox = createMailbox(ports);
  return { ports, mailbox, desk: createDesk(ports, takeUsage, mailbox) };
}

beforeAll(async () => {
  cluster = await startCluster();
  asker = await cluster.start();
  called = deskOf(await cluster.start());
  other = deskOf(await cluster.start());
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  ({ orgId } = await createTestOrganization(asker.ports));
  replica = await startFakeReplica(asker.ports, orgId, "eu-1");
  await replica.close();
});

/** A heartbeat over HTTPS, as the courier hands it to the desk. */
async function beat({ desk }: { desk: Desk }, answers?: object[]): Promise<Fresh> {
  const heartbeat = desk.heartbeat.schema.parse({
    v: 1,
    replica: replica.id,
    boot: "1.AAAAAAAAAAAA",
    nonce: crypto.randomUUID(),
    software: "fake",
    runtime: "node",
    wallMs: Date.now(),
    epoch: 0,
    revApplied: 0,
    revEffective: 0,
    chain: GENESIS_CHAIN,
    usage: { nextSeq: 1 },
    audit: { n: 0, head: GENESIS_CHAIN },
    inflight: 0,
    requestsPerSecond: 0,
    aborted: [],
    clockOffsetMs: 0,
    clockErrorMs: 1,
    ...(answers && { answers }),
  });
  const jws = await desk.heartbeat.serve({ orgId, replicaId: replica.id }, heartbeat);
  return Fresh.parse(await opened("clv-fresh+jws", jws ?? ""));
}

async function opened(type: "clv-fresh+jws" | "clv-query+jws", jws: string): Promise<unknown> {
  const verify = await createVerify(replica.answer.verificationKeys);
  return JSON.parse(new TextDecoder().decode(await verify(type, jws)));
}

const QUESTION = { kind: "logs", limit: 10 } as const;

/** The question as it arrives with the next heartbeat's answer. */
async function fetchQuestion(): Promise<Query> {
  await vi.waitFor(() => expect(called.mailbox.has(replica.id)).toBe(true), { timeout: 30_000 });
  const { queries = [] } = await beat(called);
  expect(queries).toHaveLength(1);
  return Query.parse(await opened("clv-query+jws", queries[0] ?? ""));
}

test("asked by one process, fetched from a second and answered to a third: the rows arrive, in order and whole", async () => {
  const rows = Array.from({ length: 40 }, (_, n) => ({ n, pad: "ä€😀".repeat(200) }));
  const asked = asker.ports.fleet.ask(orgId, replica.id, QUESTION, 5_000);
  const { id, cp, question } = await fetchQuestion();
  expect(question).toEqual(QUESTION);
  await beat(other, [
    { cp, id, part: { part: 1, more: false, rows: rows.slice(20) } },
    { cp, id, part: { part: 0, more: true, rows: rows.slice(0, 20) } },
  ]);
  expect(await asked).toEqual(rows);
  expect((await beat(called)).queries).toBeUndefined();
});

test("a replica answers for itself alone, and nobody hears what was not asked", async () => {
  const asked = asker.ports.fleet.ask(orgId, replica.id, QUESTION, 1_000);
  const { id, cp } = await fetchQuestion();
  const liar = { orgId, replicaId: "rep_000000000000" };
  const part = { part: 0, more: false, rows: ["forged"] };
  await other.mailbox.deliver(liar, [{ cp, id, part }]);
  await other.mailbox.deliver({ orgId, replicaId: replica.id }, [{ cp, id: "unknown", part }]);
  expect(await asked).toBeUndefined();
});

test("an answer that nobody asked of this replica, or asks no longer, or that has no end, is broadcast to nobody", async () => {
  const heard: string[] = [];
  const off = asker.ports.wake.on("fleet", (payload) => {
    if (payload.startsWith("answer:")) heard.push(payload.split(":").slice(1, 5).join(":"));
  });
  const mailbox = createMailbox(called.ports);
  const me = { orgId, replicaId: replica.id };
  const part = { part: 0, more: false, rows: [] };
  const { id: good } = await issueQueryId(asker.ports, replica.id);
  const { id: foreign } = await issueQueryId(asker.ports, "rep_000000000000");
  const clock = { nowMs: () => Date.now() - 60_000 };
  const { id: old } = await issueQueryId({ ...asker.ports, clock }, replica.id);
  for (const id of ["made-up", "A".repeat(47), foreign, old])
    await mailbox.deliver(me, [{ cp: "cp", id, part }]);
  const large = { part: 1, more: true, rows: ["x".repeat(1_500_000)] };
  await mailbox.deliver(me, [{ cp: "cp", id: good, part: large }]);
  await mailbox.deliver(me, [{ cp: "cp", id: good, part: { ...large, part: 2 } }]);
  await mailbox.deliver(me, [{ cp: "cp", id: good, part }]);
  await vi.waitFor(() => expect(heard).toContain(`${replica.id}:${good}:0:0`), { timeout: 30_000 });
  expect(new Set(heard.map((address) => address.split(":").slice(0, 3).join(":")))).toEqual(
    new Set([`${replica.id}:${good}:1`, `${replica.id}:${good}:0`]),
  );
  off();
});

test("a question wakes whoever listens for that replica, and is forgotten when nobody fetches it", async () => {
  let woken = 0;
  const off = called.mailbox.on(replica.id, () => {
    woken += 1;
  });
  await asker.ports.fleet.ask(orgId, replica.id, QUESTION, 100);
  await vi.waitFor(() => expect(woken).toBe(1), { timeout: 30_000 });
  off();
  expect(other.mailbox.take(replica.id)).toHaveLength(1);
  await vi.waitFor(() => expect(called.mailbox.has(replica.id)).toBe(false), { timeout: 30_000 });
});

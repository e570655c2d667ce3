import { fromBase64Url, nextChain } from "@claviger/shared/wire/chain";
import { Delta } from "@claviger/shared/wire/delta";
import { Fresh, type Heartbeat } from "@claviger/shared/wire/heartbeat";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, issueEnrolmentToken } from "./enrolment.ts";
import { createHeartbeatIntake } from "./heartbeat.ts";
import { journaled, standInLine } from "./journal.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { enrolmentKeys } from "./testing/fake-replica.ts";
import { createTestOrganization, putTestKey, SYSTEM, testKey } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterAll(async () => {
  await cluster?.stop();
});

function payloadOf(jws: string): Uint8Array {
  return fromBase64Url(jws.split(".")[1] ?? "");
}

/** Resolves when this many sessions of the database wait for a lock, or when `unless` has settled. */
async function blocked(sessions: number, unless?: Promise<unknown>): Promise<void> {
  let settled = false;
  void unless?.finally(() => {
    settled = true;
  });
  for (;;) {
    const [row] = await cp.ports.db.execute<{ n: number }>(sql`
      select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
    if (settled || (row?.n ?? 0) >= sessions) return;
  }
}

function firstHeartbeat(replica: string): Heartbeat {
  return {
    v: 1,
    replica,
    boot: "1.boot-boot",
    nonce: "nonce-nonce",
    software: "test",
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
    clockOffsetMs: null,
    clockErrorMs: null,
  };
}

/** A freshness proof that is held up between reading the head and recording itself, while a revocation commits. */
async function race(
  headLock: "share" | "none",
  status: "revoked" | "inactive" | "deleted" = "revoked",
): Promise<{ asOf: number; rev: number; seen: string | null }> {
  const { ports } = cp;
  const { orgId, projectId } = await createTestOrganization(ports);
  const request = { orgId, name: "eu-1", region: "eu", replicas: 1 };
  const token = await ports.db.transaction((tx) => issueEnrolmentToken(tx, ports, request));
  const { publicKey: nkey, sealKey } = enrolmentKeys();
  const enrolled = await enrol(ports, {
    v: 1,
    token: token.secret,
    slot: "0",
    nkey,
    sealKey,
    runtime: "node",
  });
  const id = enrolled.replicaId;
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let holding = () => {};
  const held = new Promise<void>((resolve) => {
    holding = resolve;
  });
  const holder = ports.db.transaction(async (tx) => {
    await tx.execute(sql`select 1 from replica where id = ${id} for update`);
    holding();
    await released;
  });
  await held;
  const take = createHeartbeatIntake(ports, { headLock, batchMs: 0 });
  const proof = take(orgId, { replicaId: id, heartbeat: firstHeartbeat(id) });
  await blocked(1);
  const revoke = (async () => {
    const { rev } = await putTestKey(ports, orgId, testKey(projectId, { status }), "restrictive");
    const [row] = await ports.db.execute<{ seen: string | null }>(
      sql`select fresh_hi::text as seen from replica where id = ${id}`,
    );
    return { rev, seen: row?.seen ?? null };
  })();
  await blocked(2, revoke);
  release();
  const [jws, revoked] = await Promise.all([proof, revoke, holder]);
  const fresh = Fresh.parse(JSON.parse(new TextDecoder().decode(payloadOf(jws ?? ""))));
  return { asOf: fresh.asOf, ...revoked };
}

test.each(["revoked", "inactive", "deleted"] as const)(
  "I7: a change to %s sees every proof that does not contain it",
  async (status) => {
    for (let round = 0; round < 4; round++) {
      const { asOf, rev, seen } = await race("share", status);
      expect(asOf < rev && seen === null).toBe(false);
    }
  },
);

test("a change waits for the proofs before it, and for none that comes after it", async () => {
  const { ports } = cp;
  const { orgId, projectId } = await createTestOrganization(ports);
  const ended: (() => void)[] = [];
  const proof = (): Promise<void> =>
    new Promise((begun) => {
      void ports.db.transaction(async (tx) => {
        await standInLine(tx, orgId, "together");
        await tx.execute(sql`select 1 from org_head where org_id = ${orgId} for share`);
        begun();
        await new Promise<void>((end) => ended.push(end));
      });
    });
  await proof();
  const change = putTestKey(ports, orgId, testKey(projectId), "restrictive");
  await blocked(1);
  const later = proof();
  await blocked(2, later);
  for (const end of ended.splice(0)) end();
  // The later proof is let in when the change has committed, and does not end before that.
  await change;
  await later;
  for (const end of ended.splice(0)) end();
});

test("control: without the share lock a proof stays invisible to the revocation", async () => {
  const { asOf, rev, seen } = await race("none");
  expect(asOf).toBeLessThan(rev);
  expect(seen).toBeNull();
});

test("revisions are gapless and chained under aborts, and the records are the fold of the deltas (I4)", async () => {
  const { ports } = cp;
  const { orgId, projectId } = await createTestOrganization(ports);
  const keys = Array.from({ length: 12 }, () => testKey(projectId));
  await Promise.all(
    keys.flatMap((key) =>
      Array.from({ length: 8 }, async (_, round) => {
        const record = { ...key, generation: round + 1, maxStalenessSeconds: 60 * (1 + (round % 3)) };
        const change = journaled(ports, orgId, async (tx) => {
          await tx.execute(sql`select 1`);
          if (round % 4 === 3) throw new Error("aborted on purpose");
          const changes = [{ op: "put", kind: "key", id: key.id, record }] as const;
          const entry = {
            actor: SYSTEM,
            action: "api-key.edit",
            effect: "neutral",
            changes,
            keys: [],
          } as const;
          // A call that changes nothing for gateways consumes no revision.
          return { value: null, entry: round % 4 === 2 ? null : entry };
        });
        await change.catch((error: Error) => expect(error.message).toBe("aborted on purpose"));
      }),
    ),
  );
  const rows = await ports.db.execute<{ rev: string; chain: string; jws: string }>(
    sql`select rev, chain, jws from org_change where org_id = ${orgId} order by rev`,
  );
  expect(rows.map((row) => Number(row.rev))).toEqual(
    Array.from({ length: 1 + 12 * 4 }, (_, index) => index + 1),
  );
  let chain = GENESIS_CHAIN;
  const fold = new Map<string, unknown>();
  for (const row of rows) {
    const payload = payloadOf(row.jws);
    const delta = Delta.parse(JSON.parse(new TextDecoder().decode(payload)));
    expect([delta.rev, delta.prev]).toEqual([Number(row.rev), chain]);
    chain = await nextChain(chain, payload);
    expect(row.chain).toBe(chain);
    for (const change of delta.changes) {
      if (change.op === "put") fold.set(`${change.kind}|${change.id}`, change.record);
    }
  }
  const [head] = await ports.db.execute(
    sql`select rev::int as rev, chain from org_head where org_id = ${orgId}`,
  );
  expect(head).toEqual({ rev: rows.length, chain });
  const records = await ports.db.execute<{ id: string; record: unknown }>(
    sql`select kind || '|' || id as id, record from org_record where org_id = ${orgId}`,
  );
  expect(new Map(records.map((row) => [row.id, row.record]))).toEqual(fold);
});

test.each([
  ["more records than a delta holds", 1001, {}, { code: "state_conflict" }],
  [
    "more bytes than a delta holds",
    300,
    { metadata: { text: "x".repeat(1000) } },
    { code: "state_conflict" },
  ],
  ["a record that no replica can read", 1, { generation: 0 }, { message: /none that a replica can read/ }],
])("%s: refused before anything is committed", async (_what, count, change, refusal) => {
  const { ports } = cp;
  const { orgId, projectId } = await createTestOrganization(ports);
  const changes = Array.from({ length: count }, () => {
    const record = { ...testKey(projectId), ...change };
    return { op: "put", kind: "key", id: record.id, record } as const;
  });
  const keys = changes.map(({ id }) => id);
  const entry = { actor: SYSTEM, action: "api-key.edit", effect: "restrictive", changes, keys } as const;
  const refused = journaled(ports, orgId, async () => ({ value: null, entry }));
  await expect(refused).rejects.toMatchObject(
    "message" in refusal ? { message: expect.stringMatching(refusal.message) } : refusal,
  );
  const rows = await ports.db.execute(sql`select rev::int as rev from org_change where org_id = ${orgId}`);
  expect(rows).toEqual([{ rev: 1 }]);
});

test("what a writer could not publish is relayed by any process, once the bus is there", async () => {
  const other = await cluster.start({ serve: false, natsUrl: "nats://127.0.0.1:1" });
  const { orgId, projectId } = await createTestOrganization(other.ports);
  const { rev } = await putTestKey(other.ports, orgId, testKey(projectId), "giving");
  for (;;) {
    const [row] = await cp.ports.db.execute<{ n: number }>(sql`
      select count(*)::int as n from org_change where org_id = ${orgId} and published_at is not null`);
    if (row?.n === rev) break;
  }
  await other.stop();
});

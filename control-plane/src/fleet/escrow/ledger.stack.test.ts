import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startCluster, type TestCluster, type TestProcess } from "../testing/control-plane.ts";
import { startFakeReplica } from "../testing/fake-replica.ts";
import { FakeSpender, settledEvent } from "../testing/fake-spender.ts";
import { createTestOrganization } from "../testing/organization.ts";
import { ledgerOf, lowerTestLimit, putTestBudget } from "./testing/budget.ts";
import { sweepSlices } from "./write-off.ts";

let cluster: TestCluster;
/** Two processes of the control plane share database and bus. */
let cp: TestProcess;
let beside: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
  beside = await cluster.start();
}, 120_000);
afterAll(async () => {
  await cluster?.stop();
});

/** Of these replicas, whichever process took their usage in. */
function excessAlarms(spenders: readonly FakeSpender[]): object[] {
  const ids = new Set<unknown>(spenders.map(({ replica }) => replica.id));
  return [cp, beside]
    .flatMap(({ log }) => log.lines)
    .map(({ fields }) => fields)
    .filter(
      (fields) =>
        "alarm" in fields &&
        fields.alarm === "budget_excess" &&
        "replica" in fields &&
        ids.has(fields.replica),
    );
}

async function spendersOf(orgId: string, count: number): Promise<FakeSpender[]> {
  const spenders: FakeSpender[] = [];
  for (let i = 0; i < count; i++)
    spenders.push(new FakeSpender(await startFakeReplica(cp.ports, orgId, `gw-${i}`)));
  return spenders;
}

/** What all events in PostgreSQL charge to the budget. */
async function charged(orgId: string, budget: string): Promise<bigint> {
  const [row] = await cp.ports.db.execute<{ n: string | null }>(sql`
    select sum((c->>'n')::bigint) as n
    from usage_event e, jsonb_array_elements(e.event->'charges') c
    where e.org_id = ${orgId} and c->>'budget' = ${budget}`);
  return BigInt(row?.n ?? 0);
}

/** Gives everything back and closes it. */
async function drain(spender: FakeSpender): Promise<void> {
  spender.giveUp();
  spender.returnAll();
  await vi.waitFor(
    async () => {
      while (await spender.flush());
      await spender.beat();
      expect(spender.report().holding).toEqual([]);
    },
    { timeout: 60_000, interval: 20 },
  );
}

test("spending, settling, giving back and counting at once, on two control planes: in the end ledger = events", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const key = await putTestBudget(cp.ports, orgId, { limit: 2_000n });
  const organization = await putTestBudget(cp.ports, orgId, { limit: 3_000n, period: "daily" });
  const spenders = await spendersOf(orgId, 3);
  await Promise.all(
    spenders.map(async (spender, nth) => {
      const requests: Promise<string>[] = [];
      for (let i = 0; i < 30; i++) {
        spender.demand = [key, organization].map((budget) => ({ budget, hold: String(i * 5), mean: "10" }));
        requests.push(spender.request([key, organization], 20n, BigInt((i * 7 + nth) % 21)));
        // Its word on what it holds, and the events that it speaks of, come to two processes in any order (M15).
        if (i % 3 === 0)
          await Promise.all([spender.idle(), spender.beat(), spender.flush(4), spender.beat()]);
        if (i % 10 === 9) spender.returnAll();
      }
      await spender.idle();
      spender.giveUp();
      await Promise.all(requests);
    }),
  );
  for (const spender of spenders) await drain(spender);
  for (const budget of [key, organization]) {
    const ledger = await ledgerOf(cp.ports, budget);
    const events = await charged(orgId, budget);
    expect(events).toBeGreaterThan(0n);
    expect(ledger).toMatchObject({ spent: events, charged: events, open: 0n, alive: 0, shrinking: false });
  }
  expect(excessAlarms(spenders)).toEqual([]);
  await Promise.all(spenders.map(({ replica }) => replica.close()));
}, 120_000);

test("money comes back only when every event is counted that its holder had when it spoke", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const budget = await putTestBudget(cp.ports, orgId, { limit: 100n });
  const [spender] = (await spendersOf(orgId, 1)) as [FakeSpender];
  expect(await spender.request([budget], 60n, 45n)).toBe("settled");
  spender.returnAll();
  await spender.beat();
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 0n, open: 60n, alive: 1 });
  await spender.flush();
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 45n, open: 15n, alive: 1 });
  await spender.beat();
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 45n, open: 0n, alive: 0 });
  expect(spender.report().holding).toEqual([]);
  await spender.replica.close();
}, 60_000);

test("an answer that was lost is told again; a lowered limit asks for all; a lost gateway's money is spent until it proves less", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const budget = await putTestBudget(cp.ports, orgId, { limit: 100n });
  const [spender] = (await spendersOf(orgId, 1)) as [FakeSpender];
  expect(await spender.request([budget], 40n, 10n)).toBe("settled");
  const again = await spender.replica.beat({ escrow: { ...spender.report(), holding: [] } });
  expect(again.escrow?.slices).toEqual([...spender.jws.values()]);
  await spender.flush();
  await cp.ports.db.execute(
    sql`update replica set last_seen = now() - interval '25 hours' where id = ${spender.replica.id}`,
  );
  await sweepSlices(cp.ports);
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 40n, open: 0n, alive: 1 });
  await lowerTestLimit(cp.ports, orgId, budget, 20n);
  await cp.ports.db.execute(sql`update slice set state = 'written_off' where budget_id = ${budget}`);
  expect((await ledgerOf(cp.ports, budget)).shrinking).toBe(true);
  await drain(spender);
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({
    spent: 10n,
    open: 0n,
    alive: 0,
    shrinking: false,
  });
  await spender.replica.close();
}, 60_000);

/** A restore to a moment before any of it. */
async function lose(orgId: string, budget: string): Promise<void> {
  await cp.ports.db.execute(sql`delete from slice where budget_id = ${budget}`);
  await cp.ports.db.execute(sql`delete from budget_period where budget_id = ${budget}`);
  await cp.ports.db.execute(sql`
    with raised as (update org_head set epoch = epoch + 1 where org_id = ${orgId} returning *)
    insert into org_epoch (org_id, epoch, rev, chain, why, raised_at, loss)
    select org_id, epoch, rev, chain, 'server', clock_timestamp(), 'possible' from raised`);
}

test("a slice that a restore has lost is shown and counted again, and nothing is issued before that", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const budget = await putTestBudget(cp.ports, orgId, { limit: 100n });
  const [holder, other] = (await spendersOf(orgId, 2)) as [FakeSpender, FakeSpender];
  await Promise.all([holder.beat(), other.beat()]);
  expect(await holder.request([budget], 70n, 30n)).toBe("settled");
  await lose(orgId, budget);
  const refused = other.request([budget], 1n, 1n);
  await other.idle();
  other.giveUp();
  expect(await refused).toBe("budget_unavailable");
  // Its events wait for its word on what it holds: the slice is still there.
  const body = JSON.stringify({ v: 1, events: holder.events });
  const early = holder.replica.connection.request(`up.${holder.replica.id}.use`, body, { timeout: 700 });
  await expect(early).rejects.toThrow();
  const told = await holder.beat();
  const lost = told.escrow?.show ?? [];
  expect(lost).toEqual([...holder.jws.keys()]);
  expect((await holder.beat(holder.report(lost))).escrow?.show).toEqual([]);
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 0n, open: 70n, alive: 1 });
  await other.beat();
  await drain(holder);
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 30n, open: 0n, alive: 0 });
  expect(await other.request([budget], 20n, 20n)).toBe("settled");
  await lose(orgId, budget);
  await cp.ports.db.execute(sql`delete from usage_event where replica_id = ${holder.replica.id}`);
  await cp.ports.db.execute(sql`delete from replica_cursor where replica_id = ${holder.replica.id}`);
  // Told twice, it is no older word.
  for (let n = 0; n < 2; n++) expect((await holder.beat()).usageCursor).toBe(0);
  // What nobody holds any more counts by the window that its events name.
  await holder.flush();
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 30n, open: 0n, slices: 0 });
  await Promise.all([holder, other].map(({ replica }) => replica.close()));
}, 60_000);

test("of a slice that a part of a report does not name nothing is concluded, neither its return nor that all is shown", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const budget = await putTestBudget(cp.ports, orgId, { limit: 100n });
  const [holder, other] = (await spendersOf(orgId, 2)) as [FakeSpender, FakeSpender];
  await other.beat();
  // One that is empty, and one that is not.
  expect(await holder.request([budget], 30n, 30n)).toBe("settled");
  expect(await holder.request([budget], 30n, 10n)).toBe("settled");
  await holder.flush();
  const usage = { nextSeq: holder.outbox.durableSeq };
  const part = (named: (spent: string) => boolean, show: readonly string[] = []) => {
    const report = holder.report(show);
    const escrowPart = { ...report, holding: report.holding.filter(({ spent }) => named(spent)) };
    return holder.replica.beat({ usage, escrowLeftOut: true, escrowPart });
  };
  const closed = (await part((spent) => spent === "30")).escrow;
  expect(closed).toMatchObject({ slices: [], show: [] });
  expect(closed?.closed).toHaveLength(1);
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 40n, open: 20n, alive: 1 });
  await lose(orgId, budget);
  const [lost] = (await part((spent) => spent === "30")).escrow?.show ?? [];
  expect((await part((spent) => spent === "30", [lost ?? ""])).escrow?.show).toEqual([]);
  await other.beat();
  const refused = other.request([budget], 1n, 1n);
  await other.idle();
  other.giveUp();
  expect(await refused).toBe("budget_unavailable");
  const rest = (await holder.beat()).escrow?.show ?? [];
  expect((await holder.beat(holder.report(rest))).escrow?.show).toEqual([]);
  expect(await other.request([budget], 1n, 1n)).toBe("settled");
  await Promise.all([holder, other].map(({ replica }) => replica.close()));
}, 60_000);

test("an overrun counts once in each budget, stops further issues, and is an alarm", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const budget = await putTestBudget(cp.ports, orgId, { limit: 100n });
  const [spender] = (await spendersOf(orgId, 1)) as [FakeSpender];
  expect(await spender.request([budget], 50n, 50n)).toBe("settled");
  expect(await spender.request([budget], 50n, 50n)).toBe("settled");
  const [first, second] = spender.events.flatMap((event) =>
    event.kind === "settled" ? (event.charges ?? []) : [],
  );
  if (first === undefined || second === undefined) throw new Error("nothing was charged");
  const both = [
    { ...first, n: "50" },
    { ...second, n: "50" },
  ];
  spender.events.splice(0, 2, settledEvent(1, { charges: both, overrun: "7" }), settledEvent(2, {}));
  await spender.flush();
  expect(await ledgerOf(cp.ports, budget)).toMatchObject({ spent: 107n, open: 0n, shrinking: true });
  expect(excessAlarms([spender])).toHaveLength(1);
  await spender.replica.close();
}, 60_000);

import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { startAccountKeeper } from "./account-keeper.ts";
import { revokeUsers } from "./accounts.ts";
import type { AccountBus } from "./bus.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { createTestOrganization } from "./testing/organization.ts";

const WAIT = { timeout: 30_000 };

let cluster: TestCluster;
let cp: TestProcess;
const keepers: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
});
afterEach(async () => {
  await Promise.all(keepers.splice(0).map((keeper) => keeper.stop()));
});
afterAll(async () => {
  await cluster?.stop();
});

/** Servers that hold what was pushed, by account, and do what a test tells them to. */
function fakeServers() {
  const held = new Map<string, string>();
  const servers = {
    held,
    refuses: false,
    lose: () => held.clear(),
    bus: {
      async update(jwt) {
        if (servers.refuses) throw new Error("no answer");
        held.set(claimsOf(jwt).sub, jwt);
      },
      list: async () => [...held.keys()],
      onConnect: () => () => undefined,
    } satisfies AccountBus,
  };
  return servers;
}

const claimsOf = (jwt: string) =>
  JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as { sub: string };

function keep(servers: ReturnType<typeof fakeServers>) {
  const ports = cp.ports as typeof cp.ports & { bus: Parameters<typeof startAccountKeeper>[0]["bus"] };
  keepers.push(startAccountKeeper(ports, servers.bus, 100));
}

async function rowOf(orgId: string) {
  const [row] = await cp.ports.db.execute<{ account: string; jwt: string }>(
    sql`select account, jwt from org_account where org_id = ${orgId}`,
  );
  if (row === undefined) throw new Error("no account");
  return row;
}

const long = (orgId: string) =>
  cp.ports.db.execute(
    sql`update org_account set updated_at = clock_timestamp() - interval '1 day' where org_id = ${orgId}`,
  );

test("what the servers lost while they stay connected is back with the next look", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  await long(orgId);
  const { account, jwt } = await rowOf(orgId);
  const servers = fakeServers();
  keep(servers);
  await vi.waitFor(() => expect(servers.held.get(account)).toBe(jwt), WAIT);
  servers.lose();
  await vi.waitFor(() => expect(servers.held.get(account)).toBe(jwt), WAIT);
});

test("a revocation whose push failed is pushed again, though the servers know an account of that name", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const { account } = await rowOf(orgId);
  const servers = fakeServers();
  keep(servers);
  await vi.waitFor(() => expect(servers.held.has(account)).toBe(true), WAIT);
  servers.refuses = true;
  const nkey = `U${"A".repeat(55)}`;
  await cp.ports.db.transaction((tx) => revokeUsers(tx, cp.ports, orgId, [nkey]));
  await long(orgId);
  await vi.waitFor(
    () =>
      expect(cp.log.lines.some(({ message }) => message.startsWith("accounts could not be pushed"))).toBe(
        true,
      ),
    WAIT,
  );
  servers.refuses = false;
  const { jwt } = await rowOf(orgId);
  await vi.waitFor(() => expect(servers.held.get(account)).toBe(jwt), WAIT);
});

test("a change that its process did not live to push is pushed by another one", async () => {
  const { orgId } = await createTestOrganization(cp.ports);
  const { account, jwt: before } = await rowOf(orgId);
  const servers = fakeServers();
  servers.held.set(account, before);
  await cp.ports.db.transaction((tx) => revokeUsers(tx, cp.ports, orgId, [`U${"B".repeat(55)}`]));
  keep(servers);
  const { jwt } = await rowOf(orgId);
  expect(jwt).not.toBe(before);
  await vi.waitFor(() => expect(servers.held.get(account)).toBe(jwt), WAIT);
});

test("what the servers lost while nobody was connected is back with the reconnect, before any look", async () => {
  const other = await startCluster();
  try {
    // Its keeper does not look while this test lasts: only the connection can make it push.
    const { ports, accounts } = await other.start({ accountsEveryMs: 3_600_000 });
    const { orgId } = await createTestOrganization(ports);
    await ports.db.execute(
      sql`update org_account set updated_at = clock_timestamp() - interval '1 day' where org_id = ${orgId}`,
    );
    const [row] = await ports.db.execute<{ account: string }>(
      sql`select account from org_account where org_id = ${orgId}`,
    );
    await vi.waitFor(async () => expect(await accounts.list()).toContain(row?.account), WAIT);
    await other.nats.restart(true);
    await vi.waitFor(async () => expect(await accounts.list()).toContain(row?.account), WAIT);
  } finally {
    await other.stop();
  }
});

/**
 * PostgreSQL is restored from a file backup (PROTOCOL §2.7): what was confirmed after the backup is forgotten there, and
 * gateways know better. A restore with recovery begins a new timeline; one that merely puts the files back does not, and
 * then only what gateways hold can tell.
 */
import { afterEach, expect, test } from "vitest";
import { migrate } from "../../control-plane/src/db/migrate.ts";
import {
  makeKey,
  makeTenant,
  startApi,
  type Tenant,
  type TestApi,
} from "../../control-plane/src/http/testing/api.ts";
import { startFollowing } from "./gateway.ts";
import { openRelayPort } from "./relay-port.ts";
import { copyFolder, makePlace, putFile, type Server, urlBy } from "./servers.ts";
import { until } from "./until.ts";

const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** Copies a running server's files the way the manual says; the copy can be started. */
async function backUp(server: Server, to: string): Promise<void> {
  await server.query(async (query) => {
    await query`select pg_backup_start('test', true)`;
    copyFolder(server.dataDir, to);
    const [stop] = await query`select labelfile from pg_backup_stop(false)`;
    // What was written meanwhile is in the log, which is therefore copied last.
    copyFolder(`${server.dataDir}/pg_wal`, `${to}/pg_wal`);
    putFile(to, "backup_label", String(stop?.labelfile));
  });
}

interface Fleet {
  api: TestApi;
  tenant: Tenant;
  attach(name: string): Promise<Awaited<ReturnType<typeof startFollowing>>["follower"]>;
}

async function startFleet(databaseUrl: string): Promise<Fleet> {
  const api = await startApi({}, databaseUrl);
  cleanUp.push(() => api.stop());
  const tenant = await makeTenant(api);
  return {
    api,
    tenant,
    async attach(name) {
      const { follower, stop } = await startFollowing(api.ports, tenant.organizationId, name);
      cleanUp.push(stop);
      await until(`${name} is ready`, () => follower.ready());
      return follower;
    },
  };
}

const change = async ({ api, tenant }: Fleet, id: string, verb: string) => {
  const changed = await api.call("POST", `/api/v1/api-keys/${id}/${verb}`, { token: tenant.token, body: {} });
  expect(changed.operation.status).toBe("confirmed");
};

const read = ({ api, tenant }: Fleet, id: string) =>
  api.call("GET", `/api/v1/api-keys/${id}`, { token: tenant.token });

/** A fleet on a database that can be taken away, and the same server as it will come back. */
async function startRestorable() {
  const place = makePlace();
  cleanUp.push(() => place.remove());
  const server = await place.server("first");
  const restored = await place.server("restored");
  cleanUp.push(() => restored.stop());
  await server.start();
  cleanUp.push(() => server.stop());
  await migrate(urlBy(server.port));
  const database = await openRelayPort(server.port);
  cleanUp.push(() => database.close());
  const fleet = await startFleet(urlBy(database.port));
  const restore = async () => {
    database.cut(true);
    await server.stop();
    await restored.start({ restore_command: "/bin/false" });
    database.aim(restored.port);
  };
  return { fleet, server, restored, restore };
}

async function makeKeys({ api, tenant }: Fleet) {
  const make = async (name: string) => (await makeKey(api, tenant, { name })).resource.id;
  const [kept, revoked] = [await make("kept"), await make("revoked")];
  const [deleted, rotated] = [await make("deleted"), await make("rotated")];
  return { kept, revoked, deleted, rotated, afterTheBackup: () => make("made after the backup") };
}

type Keys = Awaited<ReturnType<typeof makeKeys>>;

/** What the database will forget. */
async function endKeys(fleet: Fleet, keys: Keys): Promise<void> {
  await change(fleet, keys.revoked, "revoke");
  await change(fleet, keys.rotated, "rotate");
  const { api, tenant } = fleet;
  const gone = await api.call("DELETE", `/api/v1/api-keys/${keys.deleted}`, { token: tenant.token });
  expect(gone.operation.status).toBe("confirmed");
}

/** The revoked, the deleted and the rotated key are ended again, and the one that nobody touched is as it was. */
async function expectEndedAgain(fleet: Fleet, { kept, revoked, deleted, rotated }: Keys): Promise<void> {
  const statuses = () =>
    Promise.all(
      [kept, revoked, rotated].map(async (id) => (await read(fleet, id)).resource.attributes.status),
    );
  await until("PostgreSQL knows again what gateways know", async () => {
    const [, second, third] = await statuses();
    return second === "revoked" && third === "revoked" && (await read(fleet, deleted)).status === 404;
  });
  expect(await statuses()).toEqual(["active", "revoked", "revoked"]);
}

async function expectVoid({ api }: Fleet, lostAtMs: number): Promise<void> {
  const status = (await api.call("GET", "/api/v1/status")).resource.attributes;
  expect(status).toMatchObject({ voidConfirmations: [{ proved: true }] });
  const [lost] = status.voidConfirmations as { since: string; until: string }[];
  expect(Date.parse(lost?.since ?? "")).toBeLessThan(lostAtMs);
  expect(Date.parse(lost?.until ?? "")).toBeGreaterThan(lostAtMs);
}

test.each([
  { how: "with recovery", signal: true, why: "server" },
  { how: "by putting the files back", signal: false, why: "fork" },
])(
  "restored $how: the epoch rises, tombstones win everywhere, the status says what is void",
  async ({ signal, why }) => {
    const { fleet, server, restored, restore } = await startRestorable();
    const gateways = [await fleet.attach("eu-1"), await fleet.attach("us-1")];
    const keys = await makeKeys(fleet);
    await backUp(server, restored.dataDir);
    if (signal) putFile(restored.dataDir, "recovery.signal", "");
    await endKeys(fleet, keys);
    const young = await keys.afterTheBackup();
    const lostAtMs = Date.now();

    await restore();
    await until("both gateways are in the next epoch", () =>
      gateways.every((gateway) => gateway.status().epoch === 2 && gateway.freshness().ageMs < 30_000),
    );
    await expectEndedAgain(fleet, keys);
    expect((await read(fleet, young)).status).toBe(404);
    const late = await fleet.attach("ap-1");
    for (const { view } of [...gateways, late]) {
      await until("the gateway has taken it in", () => view.key(keys.rotated)?.status === "revoked");
      expect(view.key(keys.kept)?.status).toBe("active");
      expect(view.key(keys.revoked)?.status).toBe("revoked");
      expect(view.key(keys.deleted)?.status).toBe("deleted");
      expect(view.key(young)).toBeUndefined();
    }
    // What follows is ordinary again, on every gateway.
    await change(fleet, keys.kept, "revoke");
    await expectVoid(fleet, lostAtMs);
    const epochs = await restored.query((query) => query`select epoch, why, loss from org_epoch`);
    expect([...epochs]).toEqual([{ epoch: 2, why, loss: "proved" }]);
  },
);

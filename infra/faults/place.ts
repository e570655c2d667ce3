/**
 * The system as it runs in production, on one machine: two control planes, PostgreSQL with a synchronous standby, three
 * nats-servers in a cluster, four gateways, and the sandbox provider as the witness. Every way between them that a fault
 * may take leads through a relay.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { type Admin, createAdmin } from "../e2e/support/admin.ts";
import { openRelayPort, type RelayPort } from "../failover/relay-port.ts";
import { copyFolder, putFile } from "../failover/servers.ts";
import { until } from "../failover/until.ts";
import { CHECKOUT } from "../local/definitions.ts";
import { layOut } from "../local/layout.ts";
import { findNatsServer, type StartedNats, startNats } from "../local/nats-server.ts";
import { postgresUrl, type StartedPostgres, startPostgres } from "../local/postgres.ts";
import { ensureSecrets } from "../local/secrets.ts";
import { startLocalStack } from "../local/stack.ts";
import type { ChildName, Credentials, Stack, StackOptions } from "../local/types.ts";
import { reservePortRange } from "../testing/port-range.ts";

const GATEWAYS = { "eu-1": 1, "us-1": 2, "eu-2": 3, "us-2": 4 };
/** The gateway whose disk is small, where the system lets us make one. */
export const SMALL = "us-2";
const NODES = [
  { client: 11, ws: 12, route: 36 },
  { client: 30, ws: 31, route: 32 },
  { client: 33, ws: 34, route: 35 },
] as const;

export interface Place {
  readonly stack: Stack;
  readonly credentials: Credentials;
  /** By either control plane. */
  readonly admins: readonly Admin[];
  readonly gateways: readonly { readonly name: string; readonly url: string }[];
  readonly names: readonly string[];
  /** By gateway: its way to a control plane. */
  readonly https: ReadonlyMap<string, RelayPort>;
  /** By node: the way of everybody to it. */
  readonly bus: readonly RelayPort[];
  readonly database: RelayPort;
  readonly replication: RelayPort;
  readonly masterKeys: Readonly<Record<string, string>>;
  /** Its gateway's files lie on a disk of so many megabytes; undefined where that could not be made. */
  readonly smallDisk: string | undefined;
  /** Processes that ended and that nobody had ended. */
  readonly lost: readonly string[];
  /** From now on the end of these is ours, until it is started again. */
  ending(name: ChildName): void;
  /** The database by whoever serves now, past the relay. */
  databaseUrl(): string;
  /** Nodes of the cluster, the first is the stack's own. */
  stopBus(): Promise<void>;
  startBus(): Promise<void>;
  wipeBus(): void;
  /** The primary's machine is gone and the standby takes its place; once. */
  promote(): Promise<void>;
  readonly promoted: boolean;
  stop(): Promise<void>;
}

export async function startPlace(report: (line: string) => void): Promise<Place> {
  const home = mkdtempSync(join(tmpdir(), "claviger-faults-"));
  const range = await reservePortRange();
  const portBase = range.base;
  const shape = { portBase, controlPlanes: 2, gateways: GATEWAYS };
  const layout = layOut(shape);
  const secrets = ensureSecrets(home, Object.keys(GATEWAYS));
  const smallDisk = mountSmallDisk(join(home, "gateways", SMALL));
  const database = await openRelayPort(layout.postgresPort);
  const bus = await Promise.all(NODES.map(({ client }) => openRelayPort(portBase + client)));
  const names = Object.keys(GATEWAYS);
  const https = new Map<string, RelayPort>();
  for (const [n, name] of names.entries())
    https.set(name, await openRelayPort(layout.controlPlanePorts[n % 2] ?? 0));
  const lost: string[] = [];
  const ended = new Set<string>();
  const stack = await startLocalStack({
    onChildLost(name, { code, signal }) {
      if (ended.delete(name)) return;
      lost.push(`${name} ended by itself (${signal ?? code})`);
      report(`${name} ended by itself (${signal ?? code})`);
    },
    ...{ home, ...shape, restart: false, report, searchPath: process.env.PATH ?? "" },
    cacheDir: process.env.CLAVIGER_CACHE ?? join(CHECKOUT, ".cache"),
    env: environmentOf({ database, bus, https, password: secrets.postgresPassword }),
  });
  const place = { home, portBase, layout, password: secrets.postgresPassword, stack };
  const nodes = await startCluster(place);
  const pair = await startStandby(place, database, () => ended.add("postgres"));
  await untilReady(stack);
  const { credentials } = stack;
  if (credentials === null) throw new Error("no organization was made");
  return {
    ...{ stack, credentials, names, https, bus, database, smallDisk, lost },
    ending: (name) => void ended.add(name),
    replication: pair.replication,
    masterKeys: secrets.gatewayMasterKeys,
    admins: stack.urls.controlPlanes.map((url) => createAdmin(url, credentials.adminToken)),
    gateways: Object.entries(stack.urls.gateways).map(([name, url]) => ({ name, url })),
    databaseUrl: pair.url,
    promote: pair.promote,
    get promoted() {
      return pair.isPromoted();
    },
    ...nodes,
    async stop() {
      for (const relay of [database, ...bus, ...https.values()]) relay.carry();
      await stack.stop();
      await nodes.stopExtra();
      await pair.stop();
      await Promise.all([database, ...bus, ...https.values()].map((relay) => relay.close()));
      if (smallDisk !== undefined) spawnSync("umount", [smallDisk]);
      range.release();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The database was away while it was copied. */
async function untilReady({ urls }: Stack): Promise<void> {
  for (const url of urls.controlPlanes)
    await until(`${url} has its database`, async () => (await fetch(`${url}/readyz`)).status === 200);
}

function environmentOf(ways: {
  database: RelayPort;
  bus: readonly RelayPort[];
  https: ReadonlyMap<string, RelayPort>;
  password: string;
}): NonNullable<StackOptions["env"]> {
  const nats = ways.bus.map(({ port }) => `nats://127.0.0.1:${port}`).join(",");
  const controlPlane = {
    DATABASE_URL: postgresUrl({ port: ways.database.port, password: ways.password }, "claviger"),
    NATS_URL: nats,
    CLAVIGER_NATS_PUBLIC_URLS: nats,
  };
  return {
    "control-plane": controlPlane,
    "control-plane-2": controlPlane,
    ...Object.fromEntries(
      [...ways.https].map(([name, { port }]) => [
        `gateway-${name}`,
        { CLAVIGER_CONTROL_PLANE_URL: `http://127.0.0.1:${port}` },
      ]),
    ),
  };
}

interface Begun {
  readonly home: string;
  readonly portBase: number;
  readonly layout: ReturnType<typeof layOut>;
  readonly password: string;
  readonly stack: Stack;
}

/** Makes the stack's nats-server the first of three. */
async function startCluster({ home, portBase, stack }: Begun) {
  const binary = findNatsServer({
    path: process.env.PATH ?? "",
    cacheDir: process.env.CLAVIGER_CACHE ?? join(CHECKOUT, ".cache"),
  });
  const first = join(home, "nats", "nats.conf");
  const text = readFileSync(first, "utf8");
  const routes = NODES.map(({ route }) => `"nats://127.0.0.1:${portBase + route}"`).join(", ");
  const folders = NODES.map((_, n) => join(home, n === 0 ? "nats" : `nats-${n + 1}`));
  for (const [n, node] of NODES.entries()) {
    const folder = folders[n] ?? "";
    mkdirSync(folder, { recursive: true });
    const own = text
      .replace(/^port: \d+$/m, `port: ${portBase + node.client}`)
      .replace(/(websocket: .*port: )\d+/, `$1${portBase + node.ws}`)
      .replaceAll(join(home, "nats", "accounts"), join(folder, "accounts"));
    const cluster = `cluster { name: faults, host: "127.0.0.1", port: ${portBase + node.route}, routes: [${routes}] }`;
    writeFileSync(join(folder, "nats.conf"), `${own}server_name: node-${n + 1}\n${cluster}\n`);
  }
  let others: StartedNats[] = [];
  const startBus = async () => {
    others = await Promise.all(
      folders.slice(1).map((folder, n) =>
        startNats({
          binary,
          configFile: join(folder, "nats.conf"),
          port: portBase + (NODES[n + 1]?.client ?? 0),
        }),
      ),
    );
    await stack.child("nats").start();
  };
  const stopBus = async () => {
    await stack.child("nats").stop();
    await Promise.all(others.map((node) => node.stop()));
    others = [];
  };
  await stopBus();
  await startBus();
  return {
    startBus,
    stopBus,
    wipeBus() {
      for (const folder of folders) rmSync(join(folder, "accounts"), { recursive: true, force: true });
    },
    stopExtra: async () => void (await Promise.all(others.map((node) => node.stop()))),
  };
}

/** A synchronous standby, made from a cold copy of the primary. */
async function startStandby(
  { home, portBase, layout, password, stack }: Begun,
  database: RelayPort,
  ending: () => unknown,
) {
  const replication = await openRelayPort(layout.postgresPort);
  const child = stack.child("postgres");
  await child.stop();
  const dir = join(home, "standby");
  copyFolder(join(home, "postgres", "data"), join(dir, "data"));
  putFile(join(dir, "data"), "standby.signal", "");
  await child.start();
  const port = portBase + 37;
  const from = `host=127.0.0.1 port=${replication.port} user=postgres password=${password} application_name=standby`;
  let standby: StartedPostgres | undefined = await startPostgres({
    ...{ dir, port, password },
    settings: { primary_conninfo: from, wal_retrieve_retry_interval: "100" },
  });
  const asAdmin = async <T>(at: number, run: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
    const sql = postgres(postgresUrl({ port: at, password }, "postgres"), {
      max: 1,
      onnotice: () => undefined,
    });
    return await run(sql).finally(() => sql.end({ timeout: 1 }));
  };
  await until("the standby streams", () =>
    asAdmin(layout.postgresPort, async (sql) => {
      const [row] = await sql`select count(*)::int as n from pg_stat_replication where state = 'streaming'`;
      return row?.n === 1;
    }),
  );
  await asAdmin(layout.postgresPort, async (sql) => {
    await sql`alter system set synchronous_standby_names = 'standby'`;
    await sql`select pg_reload_conf()`;
  });
  let promoted = false;
  return {
    replication,
    isPromoted: () => promoted,
    url: () => postgresUrl({ port: promoted ? port : layout.postgresPort, password }, "claviger"),
    async promote() {
      database.cut(true);
      ending();
      child.kill("SIGKILL");
      await asAdmin(port, (sql) => sql`select pg_promote(true, 30)`);
      promoted = true;
      database.aim(port);
    },
    async stop() {
      await standby?.stop();
      standby = undefined;
      await replication.close();
    },
  };
}

/** Undefined where nobody may mount. */
function mountSmallDisk(folder: string): string | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", folder]);
  return status === 0 ? folder : undefined;
}

/** One control plane's fleet on real parts, for tests: its own database, nats-server and processes' worth of ports. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { type StartedNats, startNats } from "../../../../infra/local/nats-server.ts";
import { findFreePort } from "../../../../infra/local/ports.ts";
import type {} from "../../../../infra/testing/context.ts";
import { createDatabase } from "../../../../infra/testing/database.ts";
import { openDatabase } from "../../db/database.ts";
import { migrate } from "../../db/migrate.ts";
import type { Log, Ports } from "../../ports.ts";
import { createGuardedFetch, parseEgressAllow } from "../../runtime/node/egress.ts";
import { createIdentityProviders } from "../../runtime/node/identity-providers.ts";
import { openAccountBus, openFleetBus } from "../../runtime/node/nats.ts";
import { initNats } from "../../runtime/node/nats-init.ts";
import { passwords } from "../../runtime/node/passwords.ts";
import { openWake } from "../../runtime/node/postgres.ts";
import { createVault } from "../../runtime/node/vault.ts";
import { webAuthn } from "../../runtime/node/web-authn.ts";
import { takeUsage } from "../../usage/intake.ts";
import { startAccountKeeper } from "../account-keeper.ts";
import type { AccountBus } from "../bus.ts";
import { type ClusterKeys, loadClusterKeys } from "../cluster-keys.ts";
import { watchPast } from "../epochs.ts";
import { createQueries } from "../queries.ts";
import { startRelay } from "../relay.ts";
import { serveFleet } from "../serve.ts";

/** Providers of tests listen on this machine. */
const loopback = createGuardedFetch(parseEgressAllow(["127.0.0.0/8"]));

export const KEK = new Uint8Array(32).fill(7);
export const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

/** Keeps what was logged as an alarm or worse, so that a test can ask for it. */
export function recordingLog(): Log & { lines: { level: string; fields: object; message: string }[] } {
  const lines: { level: string; fields: object; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export interface TestProcess {
  ports: Ports;
  keys: ClusterKeys;
  accounts: AccountBus;
  log: ReturnType<typeof recordingLog>;
  stop(): Promise<void>;
}

export interface TestCluster {
  databaseUrl: string;
  nats: { url: string; server: StartedNats; dir: string; restart(wipe: boolean): Promise<void> };
  /** A further control-plane process on the same database and bus; `serve: false` leaves replicas unanswered. */
  start(options?: { serve?: boolean; natsUrl?: string; accountsEveryMs?: number }): Promise<TestProcess>;
  stop(): Promise<void>;
}

/** A database that is migrated, a new one unless it is given, and a nats-server that trusts its keys. */
export async function startCluster(databaseUrl?: string): Promise<TestCluster> {
  const given = databaseUrl !== undefined && { url: databaseUrl, drop: async () => undefined };
  const database = given || (await createDatabase(inject("postgresUrl")));
  await migrate(database.url);
  const dir = mkdtempSync(join(tmpdir(), "claviger-fleet-"));
  const [port, wsPort] = [await findFreePort(), await findFreePort()];
  const out = { out: dir, port, wsPort, host: "127.0.0.1" };
  const configFile = await initNats({ databaseUrl: database.url, kek: KEK }, out);
  const run = () => startNats({ binary: inject("natsServerBinary"), configFile, port });
  let server = await run();
  const processes: TestProcess[] = [];
  return {
    databaseUrl: database.url,
    nats: {
      url: server.url,
      dir,
      get server() {
        return server;
      },
      async restart(wipe) {
        await server.stop();
        if (wipe) rmSync(join(dir, "accounts"), { recursive: true, force: true });
        server = await run();
      },
    },
    async start(options = {}) {
      const started = await startTestProcess(
        database.url,
        options.natsUrl ?? server.url,
        options.serve ?? true,
        options.accountsEveryMs,
      );
      processes.push(started);
      return started;
    },
    async stop() {
      await Promise.all(processes.map((started) => started.stop()));
      await server.stop();
      await database.drop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startTestProcess(
  databaseUrl: string,
  natsUrl: string,
  serve: boolean,
  accountsEveryMs?: number,
): Promise<TestProcess> {
  const log = recordingLog();
  const { db, close } = openDatabase(databaseUrl, 20);
  const vault = await createVault(KEK);
  const keys = await loadClusterKeys(db, { vault, random });
  const wake = await openWake(databaseUrl, log);
  const bus = openFleetBus({ servers: [natsUrl], account: keys.controlPlane, name: "cp", log });
  const accounts = openAccountBus({ servers: [natsUrl], account: keys.system, name: "cp-sys", log });
  const keeper = startAccountKeeper({ db, wake, log, bus, sign: keys.sign }, accounts, accountsEveryMs);
  const signIn = { passwords, identityProviders: createIdentityProviders(loopback), webAuthn };
  const base = { db, vault, random, bus, wake, log, sign: keys.sign, clock: { nowMs: Date.now }, ...signIn };
  const queries = createQueries(base, bus);
  const { verificationKeys } = keys;
  const ports: Ports = { ...base, fleet: { natsUrls: [natsUrl], verificationKeys, ask: queries.ask } };
  const past = await watchPast(ports);
  const relay = startRelay(ports);
  const unserve = serve ? serveFleet(ports, bus, takeUsage) : () => {};
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    unserve();
    queries.stop();
    await Promise.all([relay.stop(), keeper.stop(), past.stop()]);
    await Promise.all([bus.close(), accounts.close(), wake.close()]);
    await close();
  };
  return { ports, keys, accounts, log, stop: () => (stopped ??= stop()) };
}

/** Everything a control-plane process runs beside HTTP, started in order and stopped in reverse. */
import { openDatabase } from "../../db/database.ts";
import { migrate } from "../../db/migrate.ts";
import { startAccountKeeper } from "../../fleet/account-keeper.ts";
import { loadClusterKeys } from "../../fleet/cluster-keys.ts";
import { watchPast } from "../../fleet/epochs.ts";
import { startHousekeeping } from "../../fleet/housekeeping.ts";
import { createKnocker } from "../../fleet/knock.ts";
import { createQueries } from "../../fleet/queries.ts";
import { startRelay } from "../../fleet/relay.ts";
import { serveFleet } from "../../fleet/serve.ts";
import { startPriceKeeper } from "../../models/keep-prices.ts";
import { startNotifications } from "../../notifications/start.ts";
import type { Log, Ports } from "../../ports.ts";
import { takeUsage } from "../../usage/intake.ts";
import { pruneEvents } from "../../usage/retention.ts";
import type { Config } from "./config.ts";
import {
  createGuardedFetch,
  createLookups,
  createPost,
  createStatusPost,
  type Lookups,
  parseEgressAllow,
} from "./egress.ts";
import { createIdentityProviders } from "./identity-providers.ts";
import { createMailer } from "./mail.ts";
import { openAccountBus, openFleetBus } from "./nats.ts";
import { passwords } from "./passwords.ts";
import { openWake } from "./postgres.ts";
import { createVault } from "./vault.ts";
import { webAuthn } from "./web-authn.ts";

/** Of one process. The fleet has its own, so that calls that queue for an organization's lock never hold up a proof. */
const API_CONNECTIONS_MAX = 12;
const FLEET_CONNECTIONS_MAX = 8;
/** A start waits this long for the bus, in milliseconds; then the API serves without it. */
const BUS_MS = 5_000;

export interface Running {
  readonly ports: Ports;
  /** The same over the fleet's own database connections. */
  readonly fleetPorts: Ports;
  /** Ends the calls that are held until something happens. */
  endWaits(): void;
  stop(): Promise<void>;
}

export type ServicesConfig = Pick<
  Config,
  | "databaseUrl"
  | "kek"
  | "natsUrls"
  | "natsPublicUrls"
  | "egressAllow"
  | "publicUrl"
  | "mail"
  | "usageEventDays"
>;

/** Migrates, loads the cluster's keys, and starts bus, relay and intake. A bus that is away does not stop the start. */
export async function startServices(config: ServicesConfig, log: Log): Promise<Running> {
  await migrate(config.databaseUrl);
  const { db, close } = openDatabase(config.databaseUrl, API_CONNECTIONS_MAX);
  const fleetDatabase = openDatabase(config.databaseUrl, FLEET_CONNECTIONS_MAX);
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const vault = await createVault(config.kek);
  const { sign, verificationKeys, controlPlane, system } = await loadClusterKeys(db, { vault, random });
  const wake = await openWake(config.databaseUrl, log);
  const bus = openFleetBus({ servers: config.natsUrls, account: controlPlane, name: "claviger", log });
  const accounts = openAccountBus({ servers: config.natsUrls, account: system, name: "claviger-sys", log });
  const keeper = startAccountKeeper({ db, wake, log, sign, bus }, accounts);
  const clock = { nowMs: () => Date.now() };
  const lookups = createLookups();
  const identityProviders = createIdentityProviders(
    createGuardedFetch(parseEgressAllow(config.egressAllow), lookups),
  );
  const signIn = { passwords, identityProviders, webAuthn };
  const base = { db, clock, random, sign, vault, bus, wake, log, ...signIn };
  const queries = createQueries(base, bus);
  const fleet = { natsUrls: config.natsPublicUrls, verificationKeys, ask: queries.ask };
  const post = createPost(parseEgressAllow(config.egressAllow), lookups);
  const knock = createKnocker({ ...base, fleet, db: fleetDatabase.db }, post);
  const ports: Ports = { ...base, fleet: { ...fleet, knock } };
  const fleetPorts = { ...ports, db: fleetDatabase.db };
  const past = await watchPast(fleetPorts);
  const unserve = serveFleet(fleetPorts, bus, takeUsage);
  const relay = startRelay(fleetPorts);
  const housekeeping = startHousekeeping(fleetPorts, () => pruneEvents(fleetPorts, config.usageEventDays));
  const prices = startPriceKeeper(fleetPorts);
  const telling = startTelling(config, ports, lookups);
  if (!(await bus.within(BUS_MS))) log.warn({}, "the bus is not connected; changes wait for it");
  return {
    ports,
    fleetPorts,
    endWaits: wake.callAll,
    async stop() {
      unserve();
      queries.stop();
      await Promise.all([housekeeping.stop(), prices.stop(), telling.stop()]);
      await Promise.all([relay.stop(), keeper.stop(), past.stop()]);
      await Promise.all([bus.close(), accounts.close(), wake.close()]);
      await Promise.all([close(), fleetDatabase.close()]);
    },
  };
}

/** Notifications, with their ways out of this process. */
function startTelling(config: ServicesConfig, ports: Ports, lookups: Lookups): { stop(): Promise<void> } {
  const mailer = config.mail && createMailer(config.mail);
  const notifications = startNotifications(ports, {
    post: createStatusPost(parseEgressAllow(config.egressAllow), lookups),
    mail: mailer?.send,
    publicUrl: config.publicUrl,
  });
  return {
    async stop() {
      await notifications.stop();
      mailer?.close();
    },
  };
}

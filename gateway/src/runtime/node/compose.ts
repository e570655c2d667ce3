/** One replica of a gateway on Node: every port answered, the rooms composed, started and stopped in order. */
import { join } from "node:path";
import { prepareRanges } from "@claviger/shared/decide/ip-ranges";
import { createGateway, type Gateway } from "../../app.ts";
import { createCouriers } from "../../courier/couriers.ts";
import { HttpsCourier } from "../../courier/https-courier.ts";
import type { RunningFollower } from "../../follow/create-follower.ts";
import { SERVE_LIMITS } from "../../forward/serve-limits.ts";
import type { EnrolledIdentity } from "../../identity/identity.ts";
import type { Clock, Courier, Log } from "../../ports.ts";
import { type Habitat, openReplica, type Replica } from "../../replica/open-replica.ts";
import { portsOf } from "../../replica/ports-of.ts";
import type { Config } from "./config.ts";
import { createCrypto } from "./crypto.ts";
import { parseEgressAllow } from "./egress.ts";
import { eraseState } from "./erase-state.ts";
import { createIdentityFile } from "./identity.ts";
import { SERVER_LIMITS, SHUTDOWN_GRACE_MS } from "./limits.ts";
import { openLocalLogs } from "./local-logs.ts";
import { lockSlot } from "./lock.ts";
import { createNatsCourier } from "./nats-courier.ts";
import { signerOf } from "./nkey.ts";
import { alreadyAnswered, exchangeOf, startServer } from "./server.ts";
import { createStateStore } from "./state-store.ts";
import { memoryGauges, namedTraces, postText } from "./telemetry.ts";
import { createUpstream } from "./upstream.ts";

export interface RunningReplica {
  readonly port: number;
  readonly gatewayName: string;
  readonly replicaId: string;
  readonly follower: RunningFollower;
  /** Lets requests in flight end, says goodbye, and leaves everything on disk. */
  stop(): Promise<void>;
}

const clock: Clock = { wallMs: () => Date.now(), monoMs: () => performance.now() };

/** Starts the replica of one slot. Rejects when it cannot be: a folder in use, no token, an address taken. */
export async function startReplica(config: Config, log: Log): Promise<RunningReplica> {
  const folder = join(config.home, config.slot);
  const unlock = await lockSlot(folder);
  try {
    const replica = await openReplica(habitatOf(config, folder, log));
    return await serveReplica(config, replica, log, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

function habitatOf(config: Config, folder: string, log: Log): Habitat {
  return {
    clock,
    log,
    file: createIdentityFile(folder, config.masterKey, config.slot),
    enrolment: { ...config, folder, runtime: "node" },
    retention: retentionOf(config),
    courierFor: (identity) => openCourier(config, identity, log),
    stateStoreFor: (replicaId) => createStateStore(folder, config.masterKey, replicaId),
    openLogs: (deps) => openLocalLogs(folder, deps),
    eraseState: () => eraseState(folder),
  };
}

function retentionOf({ logDaysMax, logBytesMax, bodyDaysMax, bodyBytesMax }: Config) {
  return { daysMax: logDaysMax, bytesMax: logBytesMax, bodyDaysMax, bodyBytesMax };
}

function openCourier({ controlPlaneUrl }: Config, identity: EnrolledIdentity, log: Log): Courier {
  const { nkey, nkeySeed: seed, enrolled } = identity;
  const { natsUrls: urls, replicaId: replica, natsJwt: jwt } = enrolled;
  return createCouriers(
    createNatsCourier({ urls, replica, jwt, seed }, log),
    new HttpsCourier({ controlPlaneUrl, nkey, sign: signerOf(seed), wallMs: clock.wallMs }),
    log,
  );
}

async function serveReplica(
  config: Config,
  replica: Replica,
  log: Log,
  unlock: () => Promise<void>,
): Promise<RunningReplica> {
  const { follower, logs, escrow, courier, store, keeper } = replica;
  const { organizationId, gatewayName, gatewayId, replicaId } = replica.identity.enrolled;
  const trustedProxies = prepareRanges(config.trustedProxies);
  const egressAllow = parseEgressAllow(config.egressAllow);
  const upstream = createUpstream({ egressAllow, connectTimeoutMs: config.attempts.connectTimeoutMs });
  const gateway: Gateway = createGateway(
    {
      ...portsOf(replica, { clock, log, upstream }),
      crypto: createCrypto(),
      gauges: () => ({ ...logs.gauges(), ...memoryGauges() }),
      post: postText,
      exchangeOf,
      alreadyAnswered,
    },
    {
      ...{ ...SERVE_LIMITS, ...config.attempts, organizationId, gatewayName, gatewayId, trustedProxies },
      mcpStreamsMax: config.mcpStreamsMax,
      traces: namedTraces(config.traces, gatewayName, replicaId),
    },
  );
  replica.countInflight(() => gateway.inflight());
  const { host, port } = config;
  const server = await startServer(gateway, { ...SERVER_LIMITS, host, port, gatewayName });
  follower.start();
  return {
    port: server.port,
    gatewayName,
    replicaId,
    follower,
    async stop() {
      await server.stop(SHUTDOWN_GRACE_MS);
      await follower.stop();
      await gateway.close();
      escrow?.close();
      await logs.close();
      await courier.close();
      await Promise.all([store.close(), upstream.close(), keeper.idle()]);
      await unlock();
    },
  };
}

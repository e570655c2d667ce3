/** One replica of a gateway on Node: every port answered, the rooms composed, started and stopped in order. */
import { join } from "node:path";
import { prepareRanges } from "@claviger/shared/decide/ip-ranges";
import { bootOf } from "@claviger/shared/sync/boot";
import { createVerify, type Verify } from "@claviger/shared/wire/sign";
import { createGateway, type Gateway } from "../../app.ts";
import { createCouriers } from "../../courier/couriers.ts";
import { HttpsCourier } from "../../courier/https-courier.ts";
import type { FollowPorts } from "../../follow/applier.ts";
import { createFollower, type RunningFollower } from "../../follow/create-follower.ts";
import { SERVE_LIMITS } from "../../forward/serve-limits.ts";
import { createTryProvider } from "../../forward/try-provider.ts";
import { ensureEnrolled } from "../../identity/enrol.ts";
import type { EnrolledIdentity } from "../../identity/identity.ts";
import { createKeeper, type Keeper, startAgain } from "../../identity/keeper.ts";
import { createVault, type OpeningVault } from "../../identity/vault.ts";
import { createMetrics, type Metrics } from "../../metrics.ts";
import type { Clock, Courier, Log, StateStore } from "../../ports.ts";
import type { Escrow } from "../../spend/escrow.ts";
import { createLimits, type Limits } from "../../spend/limits.ts";
import { createReserve } from "../../spend/reserve.ts";
import { type Config, SOFTWARE } from "./config.ts";
import { createCrypto } from "./crypto.ts";
import { parseEgressAllow } from "./egress.ts";
import { createNoCourier, eraseState, forgetReplica } from "./forget.ts";
import { createIdentityFile } from "./identity.ts";
import { SERVER_LIMITS, SHUTDOWN_GRACE_MS } from "./limits.ts";
import { type LocalLogs, openLocalLogs } from "./local-logs.ts";
import { lockSlot } from "./lock.ts";
import { createNatsCourier } from "./nats-courier.ts";
import { signerOf } from "./nkey.ts";
import { alreadyAnswered, exchangeOf, startServer } from "./server.ts";
import { openEscrow } from "./spend-open.ts";
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
    const replica = await openReplica(config, folder, log);
    return await serveReplica(config, replica, log, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** What follows the control plane and keeps state, before anybody is served. */
interface Replica {
  identity: EnrolledIdentity;
  courier: Courier;
  verify: Verify;
  store: StateStore;
  keeper: Keeper;
  logs: LocalLogs;
  escrow: Escrow | undefined;
  limits: Limits;
  metrics: Metrics;
  follower: RunningFollower;
  vault: OpeningVault;
  /** Told once there is a gateway that has requests. */
  countInflight: (inflight: () => number) => void;
}

async function openReplica(config: Config, folder: string, log: Log): Promise<Replica> {
  const file = createIdentityFile(folder, config.masterKey, config.slot);
  const identity = await startAgain(file, await ensureEnrolled(file, enrolmentOf(config, folder), log));
  const { organizationId: org, replicaId, dataKeys, verificationKeys } = identity.enrolled;
  const detached = identity.detachedAtMs !== undefined;
  if (detached) await eraseState(folder);
  const courier = detached ? createNoCourier() : openCourier(config, identity, log);
  const verify = await createVerify(verificationKeys);
  const metrics = createMetrics();
  const boot = bootOf(identity.starts, crypto.randomUUID());
  const common = { courier, verify, clock, log };
  const logs = await openLocalLogs(folder, { ...common, replicaId, boot, metrics, ...retentionOf(config) });
  let speak: () => void = () => undefined;
  const escrow = openEscrow(logs, { ...common, org, speak: () => speak() });
  const keeper = createKeeper(file, identity, log);
  const store = createStateStore(folder, config.masterKey, replicaId);
  let inflight = () => 0;
  const limits = openLimits(identity, keeper, () => speak());
  const vault = createVault({ ...identity.enrolled, sealKey: identity.sealKey }, log);
  await vault.addDataKeys(dataKeys);
  const followPorts: FollowPorts = {
    ...common,
    ...{ detached, identity: { org, replica: replicaId, boot } },
    runtime: "node",
    software: `${SOFTWARE.name}/${SOFTWARE.version}`,
    store,
    vitals: () => ({
      ...{ ...logs.vitals(), inflight: inflight(), rates: limits.report() },
      ...(escrow === undefined ? { escrowLeftOut: true } : escrow.vitals()),
    }),
    witness: logs.witness,
    events: {
      ...logs.events,
      escrow: (answer) => void escrow?.take(answer),
      rates: (answer, sharers) => limits.take(answer, sharers),
      dataKeys(jwes) {
        keeper.update({ dataKeys: [...jwes] });
        void vault.addDataKeys(jwes);
      },
      detached(atMs) {
        vault.forget();
        void forgetReplica({ folder, keeper, follower, store, courier, log }, atMs);
      },
    },
    credentials: (renewed) => keeper.update({ natsJwt: renewed }),
  };
  const follower: RunningFollower = await createFollower(followPorts);
  speak = () => follower.speak();
  vault.readFrom((id) => follower.secret(id));
  logs.policyFrom(() => follower.view.policy()?.auditPolicy);
  logs.timeFrom({
    nowMs: () => follower.provedNowMs(),
    stampMs: () => Math.floor(follower.freshness().nowMs),
  });
  const countInflight = (count: () => number) => {
    inflight = count;
  };
  const opened = { identity, courier, verify, store, keeper, logs, escrow, limits, metrics, follower, vault };
  return { ...opened, countInflight };
}

function enrolmentOf(config: Config, folder: string) {
  return { ...config, folder, runtime: "node" } as const;
}

function retentionOf({ logDaysMax, logBytesMax, bodyDaysMax, bodyBytesMax }: Config) {
  return { retention: { daysMax: logDaysMax, bytesMax: logBytesMax, bodyDaysMax, bodyBytesMax } };
}

/** Without the control plane its part of the floors is the one that the process before had. */
function openLimits({ floorPart }: EnrolledIdentity, keeper: Keeper, speak: () => void): Limits {
  const keepFloorPart = (part: number) => keeper.keep({ floorPart: part });
  return createLimits({ clock, replicas: () => 1, speak, floorPart, keepFloorPart });
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
  const { follower, vault, logs, escrow, courier, store, keeper } = replica;
  const { organizationId, gatewayName, gatewayId, replicaId } = replica.identity.enrolled;
  const trustedProxies = prepareRanges(config.trustedProxies);
  const egressAllow = parseEgressAllow(config.egressAllow);
  const upstream = createUpstream({ egressAllow, connectTimeoutMs: config.attempts.connectTimeoutMs });
  const gateway: Gateway = createGateway(
    {
      clock,
      crypto: createCrypto(),
      verify: replica.verify,
      upstream,
      vault,
      follower,
      ledger: logs.ledger,
      ...(escrow === undefined
        ? {}
        : { reserve: createReserve({ view: follower.view, escrow, monoMs: clock.monoMs }) }),
      log,
      metrics: replica.metrics,
      gauges: () => ({ ...logs.gauges(), ...memoryGauges() }),
      post: postText,
      replicas: () => follower.replicas(),
      limits: replica.limits,
      exchangeOf,
      alreadyAnswered,
    },
    {
      ...{ ...SERVE_LIMITS, ...config.attempts, organizationId, gatewayName, gatewayId, trustedProxies },
      traces: namedTraces(config.traces, gatewayName, replicaId),
    },
  );
  replica.countInflight(() => gateway.inflight());
  logs.triesBy(createTryProvider({ view: follower.view, vault, upstream, clock }));
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

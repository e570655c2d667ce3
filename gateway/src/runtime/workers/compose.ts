/** One replica in its object: every port answered by the platform, the rooms composed. */
import { prepareRanges } from "@claviger/shared/decide/ip-ranges";
import { createGateway, type Gateway } from "../../app.ts";
import { SERVE_LIMITS } from "../../forward/serve-limits.ts";
import { chainRoot } from "../../logs/chain.ts";
import type { Clock, Exchange, Log } from "../../ports.ts";
import { openLocalLogs } from "../../replica/local-logs.ts";
import { openReplica, type Replica } from "../../replica/open-replica.ts";
import { portsOf } from "../../replica/ports-of.ts";
import { createObjectCourier, type ObjectCourier } from "./courier.ts";
import { createCrypto } from "./crypto.ts";
import { createIdentityFile } from "./identity-file.ts";
import { openLogStore } from "./log-store.ts";
import { openOpenJournal } from "./open-journal.ts";
import type { Region } from "./region.ts";
import type { Settings } from "./settings.ts";
import { createStateStore, eraseState } from "./state-store.ts";
import { createUpstream } from "./upstream.ts";

export interface Living {
  readonly replica: Replica;
  readonly gateway: Gateway;
  /** Undefined once it is detached. */
  readonly courier: ObjectCourier | undefined;
  /** True for what the core returns when the exchange has the answer. */
  isAnswered(response: Response): boolean;
  /** One heartbeat for everybody who waits. */
  fresh(): Promise<unknown>;
}

/** Both stand still between two turns of the object; what is measured over one is too small, never too great. */
const clock: Clock = { wallMs: () => Date.now(), monoMs: () => performance.now() };

export async function composeReplica(
  settings: Settings,
  storage: DurableObjectStorage,
  region: Region,
  log: Log,
): Promise<Living> {
  const { masterKey, controlPlaneUrl, logDaysMax: daysMax, logBytesMax: bytesMax } = settings;
  let courier: ObjectCourier | undefined;
  const replica = await openReplica({
    clock,
    log,
    file: createIdentityFile(storage, masterKey, region),
    enrolment: { ...settings, slot: region, runtime: "workers", folder: `the object of ${region}` },
    retention: { daysMax, bytesMax, bodyDaysMax: 7 },
    courierFor(identity) {
      courier = createObjectCourier(controlPlaneUrl, identity, log);
      return courier;
    },
    stateStoreFor: (replicaId) => createStateStore(storage, masterKey, replicaId),
    async openLogs(deps) {
      const store = openLogStore(storage, await chainRoot(deps.replicaId));
      return openLocalLogs({ store, openJournal: async () => openOpenJournal(storage) }, deps);
    },
    eraseState: () => eraseState(storage),
  });
  const answered = new WeakSet<Response>();
  const gateway = gatewayOf(settings, replica, log, () => {
    const response = new Response(null, { status: 204 });
    answered.add(response);
    return response;
  });
  replica.countInflight(() => gateway.inflight());
  let beating: Promise<unknown> | undefined;
  const fresh = () => {
    beating ??= replica.follower.beat().finally(() => {
      beating = undefined;
    });
    return beating;
  };
  return { replica, gateway, courier, isAnswered: (response) => answered.has(response), fresh };
}

function gatewayOf(
  { trustedProxies, egressAllow, attempts, mcpStreamsMax }: Settings,
  replica: Replica,
  log: Log,
  alreadyAnswered: () => Response,
): Gateway {
  const { organizationId, gatewayName, gatewayId } = replica.identity.enrolled;
  return createGateway(
    {
      ...portsOf(replica, { clock, log, upstream: createUpstream(egressAllow) }),
      crypto: createCrypto(),
      gauges: () => ({ ...replica.logs.gauges(), heapUsedBytes: 0, residentBytes: 0 }),
      exchangeOf: (env) => env as Exchange,
      alreadyAnswered,
    },
    {
      ...{ ...SERVE_LIMITS, ...attempts, mcpStreamsMax, organizationId, gatewayName, gatewayId },
      trustedProxies: prepareRanges([...trustedProxies]),
    },
  );
}

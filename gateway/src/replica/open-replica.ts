/** One replica without its platform and before anybody is served: enrolled, its logs open, its state loaded. */
import { bootOf } from "@claviger/shared/sync/boot";
import { createVerify, type Verify } from "@claviger/shared/wire/sign";
import { createFollower, type RunningFollower } from "../follow/create-follower.ts";
import type { FollowerEvents } from "../follow/follower.ts";
import { type EnrolSettings, ensureEnrolled } from "../identity/enrol.ts";
import type { EnrolledIdentity, IdentityFile } from "../identity/identity.ts";
import { createKeeper, type Keeper, startAgain } from "../identity/keeper.ts";
import { createVault, type OpeningVault } from "../identity/vault.ts";
import { createMetrics, type Metrics } from "../metrics.ts";
import type { Clock, Courier, Log, StateStore } from "../ports.ts";
import { SOFTWARE } from "../software.ts";
import type { Escrow } from "../spend/escrow.ts";
import { createLimits, type Limits } from "../spend/limits.ts";
import { createNoCourier, forgetReplica } from "./forget.ts";
import type { LocalLogs, LocalLogsDeps } from "./local-logs.ts";
import { openEscrow } from "./spending.ts";

/** Where a replica lives and how it speaks. */
export interface Habitat {
  readonly clock: Clock;
  readonly log: Log;
  readonly file: IdentityFile;
  readonly enrolment: EnrolSettings;
  readonly retention: LocalLogsDeps["retention"];
  courierFor(identity: EnrolledIdentity): Courier;
  stateStoreFor(replicaId: string): StateStore;
  openLogs(deps: LocalLogsDeps): Promise<LocalLogs>;
  /** Deletes every generation of the state. */
  eraseState(): Promise<void>;
}

export interface Replica {
  readonly identity: EnrolledIdentity;
  readonly courier: Courier;
  readonly verify: Verify;
  readonly store: StateStore;
  readonly keeper: Keeper;
  readonly logs: LocalLogs;
  readonly escrow: Escrow | undefined;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly follower: RunningFollower;
  readonly vault: OpeningVault;
  /** Told once there is a gateway that has requests. */
  countInflight(inflight: () => number): void;
}

/** Opens it; nobody is heard or spoken to before its follower is started. Rejects when it cannot be: no token, another master key. */
export async function openReplica(habitat: Habitat): Promise<Replica> {
  const { clock, log, file, enrolment } = habitat;
  const identity = await startAgain(file, await ensureEnrolled(file, enrolment, log));
  const { organizationId: org, replicaId, dataKeys, verificationKeys } = identity.enrolled;
  const detached = identity.detachedAtMs !== undefined;
  if (detached) await habitat.eraseState();
  const courier = detached ? createNoCourier() : habitat.courierFor(identity);
  const verify = await createVerify(verificationKeys);
  const metrics = createMetrics();
  const boot = bootOf(identity.starts, crypto.randomUUID());
  const common = { courier, verify, clock, log };
  const logs = await habitat.openLogs({
    ...{ ...common, replicaId, boot, metrics, retention: habitat.retention },
  });
  let speak: () => void = () => undefined;
  const escrow = openEscrow(logs, { ...common, org, speak: () => speak() });
  const keeper = createKeeper(file, identity, log);
  const store = habitat.stateStoreFor(replicaId);
  let inflight = () => 0;
  const limits = openLimits(identity, { keeper, clock, speak: () => speak() });
  const vault = createVault({ ...identity.enrolled, sealKey: identity.sealKey }, log);
  await vault.addDataKeys(dataKeys);
  const events = eventsOf({ logs, escrow, limits, keeper, vault }, (atMs) => {
    const { eraseState } = habitat;
    void forgetReplica({ eraseState, keeper, follower, store, courier, log }, atMs);
  });
  const follower: RunningFollower = await createFollower({
    ...{ ...common, detached, store, events, witness: logs.witness },
    identity: { org, replica: replicaId, boot },
    runtime: enrolment.runtime,
    software: `${SOFTWARE.name}/${SOFTWARE.version}`,
    vitals: () => ({
      ...{ ...logs.vitals(), inflight: inflight(), rates: limits.report() },
      ...(escrow === undefined ? { escrowLeftOut: true } : escrow.vitals()),
    }),
    credentials: (renewed) => keeper.update({ natsJwt: renewed }),
  });
  speak = () => follower.speak();
  readFrom(follower, vault, logs);
  const countInflight = (count: () => number) => {
    inflight = count;
  };
  const opened = { identity, courier, verify, store, keeper, logs, escrow, limits, metrics, follower, vault };
  return { ...opened, countInflight };
}

type Told = Pick<Replica, "logs" | "escrow" | "limits" | "keeper" | "vault">;

/** What following tells the rest. */
function eventsOf(
  { logs, escrow, limits, keeper, vault }: Told,
  forget: (atMs: number) => void,
): FollowerEvents {
  return {
    ...logs.events,
    escrow: (answer) => void escrow?.take(answer),
    rates: (answer, sharers) => limits.take(answer, sharers),
    dataKeys(jwes) {
      keeper.update({ dataKeys: [...jwes] });
      void vault.addDataKeys(jwes);
    },
    detached(atMs) {
      vault.forget();
      forget(atMs);
    },
  };
}

/** What the rest reads of the table. */
function readFrom(follower: RunningFollower, vault: OpeningVault, logs: LocalLogs): void {
  vault.readFrom((id) => follower.secret(id));
  logs.policyFrom(() => follower.view.policy()?.auditPolicy);
  logs.timeFrom({
    nowMs: () => follower.provedNowMs(),
    stampMs: () => Math.floor(follower.freshness().nowMs),
  });
}

/** Without the control plane its part of the floors is the one that the process before had. */
function openLimits(
  { floorPart }: EnrolledIdentity,
  { keeper, clock, speak }: { keeper: Keeper; clock: Clock; speak: () => void },
): Limits {
  const keepFloorPart = (part: number) => keeper.keep({ floorPart: part });
  return createLimits({ clock, replicas: () => 1, speak, floorPart, keepFloorPart });
}

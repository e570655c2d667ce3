/**
 * What the control plane may promise about a change: who has confirmed it, and by when those who have not refuse by
 * themselves (PROTOCOL §2.5). Pure arithmetic over the rows, asked again whenever somebody looks.
 */
import { DRIFT_MAX, STEP_MS_MAX } from "./assumptions.ts";
import type { OperationGateway, OperationView } from "./operation.ts";
import { reaches } from "./position.ts";

/** A replica without a heartbeat for this long is `unreachable`, in milliseconds. */
export const DOWN_AFTER_MS = 25_000;

/** A stream ends after this many seconds at most. */
export const STREAM_SECONDS_MAX = 3_600;

export interface BarrierOperation {
  id: string;
  effect: "giving" | "restrictive";
  epoch: number;
  rev: number;
  /** The database's clock, read after the revision was taken. */
  committedAtMs: number;
}

/** A replica's row as it stands now, with what this one operation recorded of it. */
export interface BarrierReplica {
  gatewayId: string;
  /** The gateway's name. */
  name: string;
  replica: string;
  enrolledAtMs: number;
  epoch: number;
  revApplied: number;
  revEffective: number;
  /** Time of the latest freshness proof ever given to it; null: never, so it admits nothing. */
  freshHiMs: number | null;
  lastSeenMs: number | null;
  /** Its last heartbeat said goodbye, or it was detached: nobody waits for it. */
  saidBye?: boolean;
  /**
   * The largest `maxStalenessSeconds` among the versions of the changed key that this replica may hold; for a change
   * of another record the largest of all its keys.
   */
  stalenessSecondsHi: number;
  /** When this replica was first seen at or past the change; null when not yet. */
  confirmedAtMs: number | null;
  /** Requests it broke off because of this change. */
  aborted: number;
}

/**
 * The moment (control-plane time, ms) after which a replica admits nothing by a proof that it got before the change,
 * under A1 and A2. Any later proof carries `asOf` ≥ the change and is of no use below it.
 */
export function refusesBy(committedAtMs: number, freshHiMs: number, stalenessSecondsHi: number): number {
  const lastUsableProofMs = Math.min(committedAtMs, freshHiMs);
  return Math.ceil(lastUsableProofMs + (stalenessSecondsHi * 1000) / (1 - DRIFT_MAX) + 2 * STEP_MS_MAX);
}

/**
 * A replica that the change has to reach: enrolled before it, and able to admit. One that never had a freshness proof
 * admits nothing, and one enrolled later starts from a state that holds the change.
 */
export function isTarget(operation: BarrierOperation, replica: BarrierReplica): boolean {
  return replica.enrolledAtMs < operation.committedAtMs && replica.freshHiMs !== null;
}

/** A restrictive change counts what holds for every request (`revEffective`), a giving one what is applied. */
export function hasConfirmed(operation: BarrierOperation, replica: BarrierReplica): boolean {
  const rev = operation.effect === "restrictive" ? replica.revEffective : replica.revApplied;
  return reaches({ epoch: replica.epoch, rev }, operation);
}

/** `meta.operation` as of `nowMs` (control-plane time). */
export function operationView(
  operation: BarrierOperation,
  replicas: readonly BarrierReplica[],
  nowMs: number,
): OperationView {
  const targets = replicas.filter((replica) => isTarget(operation, replica));
  const gateways = targets.map((replica) => gatewayView(operation, replica, nowMs));
  const missing = gateways.filter((gateway) => gateway.state !== "confirmed");
  const view: OperationView = {
    id: operation.id,
    revision: `${operation.epoch}.${operation.rev}`,
    committedAt: new Date(operation.committedAtMs).toISOString(),
    status: statusOf(missing),
    gateways,
  };
  const deadlines = missing.flatMap((gateway) =>
    gateway.refusesBy === undefined ? [] : [gateway.refusesBy],
  );
  // ISO 8601 in UTC with fixed width: the latest is the largest text.
  const latest = deadlines.toSorted().at(-1);
  if (view.status === "pending" && latest !== undefined) view.safeBy = latest;
  return view;
}

/** True when nothing is left to wait for but replicas that cannot answer: the moment to answer the caller. */
export function nobodyReachableIsMissing(view: OperationView): boolean {
  return view.gateways.every((gateway) => gateway.state !== "waiting");
}

function statusOf(missing: readonly OperationGateway[]): OperationView["status"] {
  if (missing.length === 0) return "confirmed";
  return missing.every((gateway) => gateway.state === "expired") ? "safe" : "pending";
}

function gatewayView(operation: BarrierOperation, replica: BarrierReplica, nowMs: number): OperationGateway {
  const view: OperationGateway = {
    gatewayId: replica.gatewayId,
    name: replica.name,
    replica: replica.replica,
    state: "confirmed",
  };
  if (replica.aborted > 0) view.aborted = replica.aborted;
  if (hasConfirmed(operation, replica)) {
    if (replica.confirmedAtMs !== null) view.confirmedAt = iso(replica.confirmedAtMs);
    return view;
  }
  const seen =
    replica.saidBye !== true && replica.lastSeenMs !== null && nowMs - replica.lastSeenMs <= DOWN_AFTER_MS;
  view.state = seen ? "waiting" : "unreachable";
  if (replica.lastSeenMs !== null) view.lastSeen = iso(replica.lastSeenMs);
  if (operation.effect === "restrictive") {
    const byMs = refusesBy(operation.committedAtMs, replica.freshHiMs ?? 0, replica.stalenessSecondsHi);
    view.refusesBy = iso(byMs);
    view.drainedBy = iso(byMs + STREAM_SECONDS_MAX * 1000);
    if (nowMs > byMs) view.state = "expired";
  }
  return view;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

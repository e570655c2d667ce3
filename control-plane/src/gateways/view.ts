import type { GatewayAlarm, GatewayView, ReplicaView } from "@claviger/shared/api/gateway";
import type { Resource } from "@claviger/shared/api/resource";
import { ALARM_SHOWN_MS, type gateway } from "../db/tables/gateway.ts";
import type { replica } from "../db/tables/replica.ts";
import { gatewayState, replicaState } from "./fleet-state.ts";

export type GatewayRow = typeof gateway.$inferSelect;
export type ReplicaRow = typeof replica.$inferSelect;
export type GatewayResource = Resource<GatewayView> & { readonly type: "gateway" };

/** Where the organization stands, and the control plane's time. */
export interface FleetNow {
  readonly head: { readonly epoch: number; readonly rev: number };
  readonly nowMs: number;
}

/** The public form of a gateway with its live replicas. */
export function gatewayResource(
  row: GatewayRow,
  replicas: readonly ReplicaRow[],
  now: FleetNow,
): GatewayResource {
  const views = replicas.map((replica) => replicaView(replica, now));
  const latest = replicas.toSorted((a, b) => seenMs(b) - seenMs(a))[0];
  const behind = replicas.toSorted((a, b) => a.epoch - b.epoch || a.revEffective - b.revEffective)[0];
  return {
    type: "gateway",
    id: row.id,
    attributes: {
      name: row.name,
      region: row.region,
      runtime: latest?.runtime ?? null,
      version: latest?.software ?? null,
      status: gatewayState(views.map((view) => view.status)),
      drainingSince: row.drainingSince?.toISOString() ?? null,
      revision: behind === undefined ? null : revisionOf(behind),
      revisionWanted: `${now.head.epoch}.${now.head.rev}`,
      lastHeartbeatAt: latest?.lastSeen?.toISOString() ?? null,
      requestsPerSecond: views.reduce((sum, view) => sum + view.requestsPerSecond, 0),
      publicUrl: latest?.publicUrl ?? null,
      clockOffsetMs: latest?.clockOffsetMs ?? null,
      clockErrorMs: latest?.clockErrorMs ?? null,
      replicas: views,
      alarms: alarmsOf(row, now.nowMs),
      createdAt: row.createdAt.toISOString(),
    },
  };
}

function alarmsOf({ alarms }: GatewayRow, nowMs: number): GatewayAlarm[] {
  return alarms
    .filter(({ lastAtMs }) => nowMs - lastAtMs < ALARM_SHOWN_MS)
    .map(({ firstAtMs, lastAtMs, ...alarm }) => ({
      ...alarm,
      firstAt: new Date(firstAtMs).toISOString(),
      lastAt: new Date(lastAtMs).toISOString(),
    }));
}

function replicaView(row: ReplicaRow, { head, nowMs }: FleetNow): ReplicaView {
  const status = replicaState(
    { lastSeenMs: row.lastSeen?.getTime() ?? null, bye: row.bye, runtime: row.runtime },
    nowMs,
  );
  const serves = status === "online" || status === "degraded";
  return {
    id: row.id,
    slot: row.slot,
    status,
    revision: revisionOf(row),
    revisionWanted: `${head.epoch}.${head.rev}`,
    lastHeartbeatAt: row.lastSeen?.toISOString() ?? null,
    version: row.software,
    requestsPerSecond: serves ? row.requestsPerSecond : 0,
    inflight: serves ? row.inflight : 0,
    clockOffsetMs: row.clockOffsetMs,
    clockErrorMs: row.clockErrorMs,
    problem: row.nack === null ? null : { code: row.nack.code, detail: row.nack.detail },
  };
}

function revisionOf(row: ReplicaRow): string | null {
  return row.epoch === 0 ? null : `${row.epoch}.${row.revEffective}`;
}

function seenMs(row: ReplicaRow): number {
  return row.lastSeen?.getTime() ?? 0;
}

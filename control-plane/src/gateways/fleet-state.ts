/** How a replica does, by how long it has been silent (PROTOCOL §2.6). */
import type { FleetState } from "@claviger/shared/api/gateway";
import { DOWN_AFTER_MS } from "@claviger/shared/sync/barrier";

const DEGRADED_AFTER_MS = 15_000;

/** An idle object speaks every 300 s at least (PROTOCOL §2.12); twice that is silence. */
export const ASLEEP_MS_MAX = 660_000;

/** A clean shutdown (`bye`) counts as down at once. */
export function replicaState(
  replica: { lastSeenMs: number | null; bye: boolean; runtime: "node" | "workers" | null },
  nowMs: number,
): FleetState {
  if (replica.lastSeenMs === null) return "pending";
  const silentMs = nowMs - replica.lastSeenMs;
  const sleeps = replica.runtime === "workers" && silentMs <= ASLEEP_MS_MAX;
  if (sleeps && !replica.bye && silentMs > DEGRADED_AFTER_MS) return "asleep";
  if (replica.bye || silentMs > DOWN_AFTER_MS) return "down";
  return silentMs > DEGRADED_AFTER_MS ? "degraded" : "online";
}

/** A gateway is online when all its copies are, and down when none of them serves. */
export function gatewayState(replicas: readonly FleetState[]): FleetState {
  const spoken = replicas.filter((state) => state !== "pending");
  if (spoken.length === 0) return "pending";
  if (spoken.every((state) => state === "asleep")) return "asleep";
  if (spoken.every((state) => state === "online" || state === "asleep")) return "online";
  return spoken.every((state) => state === "down") ? "down" : "degraded";
}

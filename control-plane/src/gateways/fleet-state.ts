/** How a replica does, by how long it has been silent (PROTOCOL §2.6). */
import type { FleetState } from "@claviger/shared/api/gateway";
import { DOWN_AFTER_MS } from "@claviger/shared/sync/barrier";

const DEGRADED_AFTER_MS = 15_000;

/** A clean shutdown (`bye`) counts as down at once. */
export function replicaState(
  replica: { lastSeenMs: number | null; bye: boolean },
  nowMs: number,
): FleetState {
  if (replica.lastSeenMs === null) return "pending";
  const silentMs = nowMs - replica.lastSeenMs;
  if (replica.bye || silentMs > DOWN_AFTER_MS) return "down";
  return silentMs > DEGRADED_AFTER_MS ? "degraded" : "online";
}

/** A gateway is online when all its copies are, and down when none of them serves. */
export function gatewayState(replicas: readonly FleetState[]): FleetState {
  const spoken = replicas.filter((state) => state !== "pending");
  if (spoken.length === 0) return "pending";
  if (spoken.every((state) => state === "online")) return "online";
  return spoken.every((state) => state === "down") ? "down" : "degraded";
}

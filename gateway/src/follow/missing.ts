/** How much is known to be missing when something is. */
import type { Position } from "@claviger/shared/sync/position";
import type { ReplicaEvent } from "@claviger/shared/sync/replica-state";

/** The position that made it known that something is missing; undefined when it is not known how much. */
export function spokenOf(event: ReplicaEvent | undefined): Position | undefined {
  if (event?.type === "delta") return event.delta;
  if (event?.type !== "fresh" || event.fresh.resync) return undefined;
  return { epoch: event.fresh.epoch, rev: event.fresh.asOf };
}

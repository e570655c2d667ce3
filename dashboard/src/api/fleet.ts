/** Which gateways hold what: an organization's state is one row of revisions, so holding is a comparison. */
import type { FleetState } from "@claviger/shared/api/gateway";
import type { Gateway } from "./queries.ts";

/** True when a table that stands at `held` contains the change made at `wanted`; both are `<epoch>.<revision>`. */
export function holds(held: string | null, wanted: string): boolean {
  if (held === null) return false;
  const [heldEpoch = 0, heldRevision = 0] = held.split(".").map(Number);
  const [wantedEpoch = 0, wantedRevision = 0] = wanted.split(".").map(Number);
  return heldEpoch > wantedEpoch || (heldEpoch === wantedEpoch && heldRevision >= wantedRevision);
}

export interface Tooth {
  readonly gatewayId: string;
  readonly name: string;
  readonly state: "holds" | "waits" | "gone";
  readonly status: FleetState;
  readonly lastHeartbeatAt: string | null;
}

/** One tooth per gateway that has ever joined. */
export function teethOf(fleet: readonly Gateway[], revision: string): Tooth[] {
  return fleet
    .filter(({ attributes }) => attributes.status !== "pending")
    .map(({ id, attributes }) => {
      const { name, status, lastHeartbeatAt } = attributes;
      const held = holds(attributes.revision, revision);
      return {
        gatewayId: id,
        name,
        status,
        lastHeartbeatAt,
        state: held ? "holds" : status === "down" ? "gone" : "waits",
      };
    });
}

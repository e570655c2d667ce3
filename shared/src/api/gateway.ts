/** What the API takes and shows of gateways and their enrolment tokens. */
import * as z from "zod";
import { Slug } from "./attribute.ts";

export const EnrolmentTokenCreate = z.strictObject({
  name: Slug,
  region: Slug,
  /** How many copies of the gateway may enrol with it; one unless asked otherwise. */
  replicas: z.int().min(1).max(64).optional(),
});
export type EnrolmentTokenCreate = z.infer<typeof EnrolmentTokenCreate>;

export interface EnrolmentTokenView {
  readonly gatewayId: string;
  readonly name: string;
  readonly region: string;
  readonly replicas: number;
  readonly expiresAt: string;
}

/** `pending`: no replica has enrolled or spoken yet. `asleep`: an idle object on Workers, which a request or a knock wakes. */
export type FleetState = "pending" | "online" | "asleep" | "degraded" | "down";

export interface ReplicaView {
  readonly id: string;
  readonly slot: string;
  readonly status: FleetState;
  /** What holds for every request that it admits, as `<epoch>.<revision>`; null before its first table. */
  readonly revision: string | null;
  /** Where the organization stands. */
  readonly revisionWanted: string;
  readonly lastHeartbeatAt: string | null;
  readonly version: string | null;
  readonly requestsPerSecond: number;
  readonly inflight: number;
  /** Its wall clock minus the control plane's, and the error of that figure. */
  readonly clockOffsetMs: number | null;
  readonly clockErrorMs: number | null;
  /** Why it could not take the organization's state. */
  readonly problem: { readonly code: string; readonly detail: string } | null;
}

/** Raised in the last 24 hours. */
export interface GatewayAlarm {
  /** A token was used more often than it allows, two processes claim to be one replica, or one started with damaged state. */
  readonly code: "enrolment_used" | "replica_conflict" | "state_damaged";
  /** Whose identity is claimed twice, or whose state it is. */
  readonly replica: string | null;
  readonly slot: string;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

export interface GatewayView {
  readonly name: string;
  readonly region: string;
  readonly runtime: "node" | "workers" | null;
  readonly version: string | null;
  readonly status: FleetState;
  /** Since when it takes no new requests; null while it does. */
  readonly drainingSince: string | null;
  readonly revision: string | null;
  readonly revisionWanted: string;
  readonly lastHeartbeatAt: string | null;
  readonly requestsPerSecond: number;
  /** Where callers reach it, as its replica that spoke last has said at enrolment. */
  readonly publicUrl: string | null;
  /** Of the replica that spoke last: its wall clock minus the control plane's, and the error of that figure. */
  readonly clockOffsetMs: number | null;
  readonly clockErrorMs: number | null;
  readonly replicas: readonly ReplicaView[];
  /** Oldest first. */
  readonly alarms: readonly GatewayAlarm[];
  readonly createdAt: string;
}

/** What a detached gateway could read until it was detached. */
export interface GatewayHoldings {
  readonly llmApiKeys: readonly { id: string; name: string; provider: string; projectId: string }[];
  readonly apiKeys: number;
}

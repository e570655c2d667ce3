/** The view of a change that is on its way to the fleet, as `meta.operation` shows it (API.md §2). */

/** One gateway replica in an operation. Times are ISO 8601 in UTC. */
export interface OperationGateway {
  gatewayId: string;
  name: string;
  replica: string;
  state: "confirmed" | "waiting" | "unreachable" | "expired";
  confirmedAt?: string;
  lastSeen?: string;
  /** That replica admits nothing of what was taken away after this moment, whatever happens to it. */
  refusesBy?: string;
  /** By then the requests that were running there have ended too. */
  drainedBy?: string;
  /** Requests that this replica broke off because of the change. */
  aborted?: number;
}

export interface OperationView {
  id: string;
  /** `<epoch>.<revision>` */
  revision: string;
  /** When the change became part of the organization's state. */
  committedAt?: string;
  /** `safe`: each replica has confirmed or is past its `refusesBy`. */
  status: "pending" | "safe" | "confirmed";
  /** The latest `refusesBy` of those that have not confirmed; only while `pending`. */
  safeBy?: string;
  gateways: OperationGateway[];
}

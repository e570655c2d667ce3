/** What `GET /api/v1/status` says of the whole control plane. */
export interface StatusView {
  readonly database: {
    /** True when a commit waits for a standby; without it a failover may lose the newest changes (A3). */
    readonly synchronousReplication: boolean;
  };
  readonly bus: { readonly connected: boolean };
  readonly revocations: "durable" | "best effort during database failover";
  /**
   * Times in which the database forgot what it had confirmed, newest first: what was confirmed in them has to be looked
   * at again. `since` null: nothing says how far back. `proved`: a gateway has shown more than the database knew.
   */
  readonly voidConfirmations: readonly VoidConfirmations[];
  /** Usage events that were lost with a database and that gateways no longer have, by the hour of their notice, newest first. */
  readonly usageGaps: readonly { readonly noticedAt: string; readonly events: number }[];
}

export interface VoidConfirmations {
  readonly since: string | null;
  readonly until: string;
  readonly proved: boolean;
}

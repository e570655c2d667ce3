import { index, integer, json, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import type { Effect } from "../../fleet/journal-types.ts";

/**
 * What was answered to an Idempotency-Key, without any secret. `outcome` is written in the transaction of the change
 * itself, so that a process that dies afterwards cannot make the change happen twice.
 */
export const idempotency = pgTable(
  "idempotency",
  {
    /** The organization, or `operator`, or `public`. */
    scope: text("scope").notNull(),
    idemKey: text("idem_key").notNull(),
    requestHash: text("request_hash").notNull(),
    /** Who runs it now; somebody else may take over after `leaseUntil`. */
    attempt: text("attempt").notNull(),
    leaseUntil: timestamp("lease_until", { withTimezone: true }).notNull(),
    /** `json`, here and below, keeps members in the order of the first answer. */
    outcome: json("outcome").$type<StoredOutcome>(),
    status: integer("status"),
    body: json("body").$type<object>(),
    expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.idemKey] }),
    index("idempotency_expires").on(table.expiresAt),
  ],
);

/** The committed effect, before the fleet was waited for. */
export interface StoredOutcome {
  readonly resource: object | null;
  /** Answered with 201, not with 200 or 202. */
  readonly created: boolean;
  readonly effect: Effect;
  /** The answer held a secret. */
  readonly secret: boolean;
  /** `<epoch>.<revision>` of the change; null when no gateway was concerned. */
  readonly revision: string | null;
  /** The operation of the earlier change that this one repeated. */
  readonly operationId?: string;
  /** What the answer said beside the resource. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

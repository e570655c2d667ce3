import { jsonb, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

/** Something that an administrator has to see (`fleet/alarms.ts`). */
export interface StoredAlarm {
  code: "enrolment_used" | "replica_conflict" | "state_damaged";
  /** Whose identity is claimed twice, or whose state it is; null: no replica came into being. */
  replica: string | null;
  /** The slot that asked. */
  slot: string;
  count: number;
  firstAtMs: number;
  lastAtMs: number;
}

/** An alarm is shown for this long after it was last raised, in milliseconds. */
export const ALARM_SHOWN_MS = 86_400_000;

/** A named place that serves exactly one organization; it exists from its first enrolment token on. */
export const gateway = pgTable(
  "gateway",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    name: text("name").notNull(),
    region: text("region").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
    /** Since when it takes no new requests; null: it does. */
    drainingSince: timestamp("draining_since", { withTimezone: true }),
    /** Raised lately, oldest first. */
    alarms: jsonb("alarms").$type<StoredAlarm[]>().notNull().default([]),
    /** When it was detached; its replicas stay until no barrier can need them. */
    goneAt: timestamp("gone_at", { withTimezone: true }),
  },
  (table) => [uniqueIndex("gateway_name").on(table.orgId, table.name)],
);

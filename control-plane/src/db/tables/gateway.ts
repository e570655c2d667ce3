import { pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

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
    /** When it was detached; its replicas stay until no barrier can need them. */
    goneAt: timestamp("gone_at", { withTimezone: true }),
  },
  (table) => [uniqueIndex("gateway_name").on(table.orgId, table.name)],
);

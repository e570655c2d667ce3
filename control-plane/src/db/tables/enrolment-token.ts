import { integer, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

/** A counted, short-lived permission to become a replica; only its hash is kept. */
export const enrolmentToken = pgTable(
  "enrolment_token",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    gatewayId: text("gateway_id").notNull(),
    hash: text("hash").notNull(),
    replicas: integer("replicas").notNull(),
    used: integer("used").notNull().default(0),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
  },
  (table) => [uniqueIndex("enrolment_token_hash").on(table.hash)],
);

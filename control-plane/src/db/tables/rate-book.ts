import { jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/**
 * Who may use how much of which limit: one row per key, and one with an empty `keyId` for the organization, whose lock
 * covers them all. UNLOGGED, which drizzle cannot say: a server that has crashed or was promoted has none, and then
 * begins anew (`fleet/rate`).
 */
export const rateBook = pgTable(
  "rate_book",
  {
    orgId: text("org_id").notNull(),
    keyId: text("key_id").notNull(),
    book: jsonb("book"),
    changedAt: timestamp("changed_at", { withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.keyId] })],
);

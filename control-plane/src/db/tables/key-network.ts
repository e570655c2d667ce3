import { pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** A network (/24 or /48) that a key was used from. */
export const keyNetwork = pgTable(
  "key_network",
  {
    keyId: text("key_id").notNull(),
    network: text("network").notNull(),
    orgId: text("org_id").notNull(),
    firstAt: timestamp("first_at", { withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.keyId, table.network] })],
);

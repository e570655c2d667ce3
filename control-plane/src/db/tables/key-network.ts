import { pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** A network (/24 or /48) that a key was used from, as its organization's gateways say: a key's id alone proves nothing. */
export const keyNetwork = pgTable(
  "key_network",
  {
    keyId: text("key_id").notNull(),
    network: text("network").notNull(),
    orgId: text("org_id").notNull(),
    firstAt: timestamp("first_at", { withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.keyId, table.network] })],
);

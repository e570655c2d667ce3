import { index, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/**
 * Sign-ins and registrations that have ended well, until nobody could repeat them. What has only begun is kept by the
 * browser that began it, sealed: strangers who begin many fill no table.
 */
export const ceremony = pgTable(
  "ceremony",
  {
    /** Of what the browser kept. */
    tokenHash: text("token_hash").primaryKey(),
    expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
  },
  (table) => [index("ceremony_expires").on(table.expiresAt)],
);

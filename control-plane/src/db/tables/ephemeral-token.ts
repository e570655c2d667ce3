import { index, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** A token that was made: whose child it is and when it ends. The token itself is kept nowhere. */
export const ephemeralToken = pgTable(
  "ephemeral_token",
  {
    /** Its `jti`. */
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    keyId: text("key_id").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
    /** `<epoch>.<revision>` of the change that killed it before its time. */
    revokedRevision: text("revoked_revision"),
  },
  (table) => [index("ephemeral_token_expires").on(table.expiresAt)],
);

import { index, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { member } from "./member.ts";

/** A browser that is signed in; the cookie's value is kept as its hash only. */
export const session = pgTable(
  "session",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    memberId: text("member_id")
      .notNull()
      .references(() => member.id),
    tokenHash: text("token_hash").notNull().unique(),
    userAgent: text("user_agent"),
    peer: text("peer").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    lastUsedAt: timestamp("last_used_at", { withTimezone: true }).notNull(),
    expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
  },
  (table) => [index("session_member").on(table.orgId, table.memberId)],
);

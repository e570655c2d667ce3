import { index, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { member } from "./member.ts";

/** A member's token for scripts; kept as its hash only. */
export const personalAccessToken = pgTable(
  "personal_access_token",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    memberId: text("member_id")
      .notNull()
      .references(() => member.id),
    name: text("name").notNull(),
    tokenHash: text("token_hash").notNull().unique(),
    preview: text("preview").notNull(),
    /** Acts with this role at most. */
    role: text("role", { enum: ["viewer", "member", "admin", "owner"] }),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    expiresAt: timestamp("expires_at", { withTimezone: true }),
    lastUsedAt: timestamp("last_used_at", { withTimezone: true }),
  },
  (table) => [index("personal_access_token_member").on(table.orgId, table.memberId)],
);

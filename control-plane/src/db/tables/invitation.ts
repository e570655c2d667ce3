import { index, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { member } from "./member.ts";

/** An open invitation; the link of it is kept as its hash only, and the row goes when it is accepted or withdrawn. */
export const invitation = pgTable(
  "invitation",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    /** Lower case. */
    email: text("email").notNull(),
    role: text("role", { enum: ["viewer", "member", "admin", "owner"] }).notNull(),
    tokenHash: text("token_hash").notNull().unique(),
    /** Whose right it stands on: without it the link opens nothing. */
    invitedBy: text("invited_by")
      .notNull()
      .references(() => member.id),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
  },
  (table) => [index("invitation_org").on(table.orgId, table.email)],
);

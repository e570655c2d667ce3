import { index, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";
import { organization } from "./organization.ts";

/**
 * A person inside one organization. The password belongs to the membership, so that no organization learns from
 * adding somebody whether that address is known elsewhere.
 */
export const member = pgTable(
  "member",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organization.id),
    /** Lower case. */
    email: text("email").notNull(),
    name: text("name").notNull(),
    role: text("role", { enum: ["viewer", "member", "admin", "owner"] }).notNull(),
    /** argon2id in PHC format. */
    passwordHash: text("password_hash").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    revision: text("revision").notNull(),
    /** Since when nobody signs in as this member; null: somebody may. */
    disabledAt: timestamp("disabled_at", { withTimezone: true }),
    /** Kept so that what the member did and owned stays readable. */
    deletedAt: timestamp("deleted_at", { withTimezone: true }),
  },
  (table) => [
    uniqueIndex("member_email").on(table.orgId, table.email),
    index("member_sign_in").on(table.email),
  ],
);

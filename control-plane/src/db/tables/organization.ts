import { boolean, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** A tenant. Every other row of a tenant names it, and no query goes without it. */
export const organization = pgTable("organization", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  enabled: boolean("enabled").notNull().default(true),
  auditPolicy: text("audit_policy", { enum: ["strict", "continue"] })
    .notNull()
    .default("strict"),
  defaultMaxOutputTokens: integer("default_max_output_tokens"),
  bodyCapture: boolean("body_capture").notNull().default(false),
  budgetId: text("budget_id"),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
  /** `<epoch>.<revision>` of its last change. */
  revision: text("revision").notNull(),
});

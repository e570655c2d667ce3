import { boolean, index, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { organization } from "./organization.ts";

/** Where API keys and LLM keys meet. */
export const project = pgTable(
  "project",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organization.id),
    name: text("name").notNull(),
    enabled: boolean("enabled").notNull(),
    budgetId: text("budget_id"),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    revision: text("revision").notNull(),
    /** Kept, because tombstones of keys name it. */
    deletedAt: timestamp("deleted_at", { withTimezone: true }),
  },
  (table) => [index("project_org").on(table.orgId)],
);

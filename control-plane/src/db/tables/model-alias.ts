import { sql } from "drizzle-orm";
import { index, jsonb, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";
import { project } from "./project.ts";

/** A name of the organization's own for models, tried in order. */
export const modelAlias = pgTable(
  "model_alias",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    /** null: in every project. */
    projectId: text("project_id").references(() => project.id),
    name: text("name").notNull(),
    targets: jsonb("targets").$type<string[]>().notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    revision: text("revision").notNull(),
  },
  (table) => [
    uniqueIndex("model_alias_name").on(table.orgId, sql`coalesce(${table.projectId}, '')`, table.name),
    index("model_alias_project").on(table.projectId),
  ],
);

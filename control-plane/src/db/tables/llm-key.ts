import type { SecretRecord } from "@claviger/shared/wire/record";
import { boolean, index, integer, jsonb, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";
import { project } from "./project.ts";

/** An LLM key; its credential is here sealed under the organization's data key, never plain. */
export const llmKey = pgTable(
  "llm_key",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => project.id),
    provider: text("provider").notNull(),
    name: text("name").notNull(),
    preview: text("preview").notNull(),
    baseUrl: text("base_url").notNull(),
    customModels: jsonb("custom_models").$type<string[]>().notNull(),
    withDefaultModels: boolean("with_default_models").notNull(),
    secretVersion: integer("secret_version").notNull(),
    sealed: jsonb("sealed").$type<SecretRecord>().notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    revision: text("revision").notNull(),
  },
  (table) => [
    uniqueIndex("llm_key_name").on(table.projectId, table.name),
    index("llm_key_org").on(table.orgId),
  ],
);

import type { KeyHash, McpPolicy } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import { index, integer, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { member } from "./member.ts";
import { project } from "./project.ts";

/** An API key. Its secret is here as hashes only; `expired` is computed, never stored. */
export const apiKey = pgTable(
  "api_key",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => project.id),
    kind: text("kind", { enum: ["key", "agent", "hidden"] }).notNull(),
    name: text("name").notNull(),
    note: text("note"),
    ownerId: text("owner_id")
      .notNull()
      .references(() => member.id),
    preview: text("preview").notNull(),
    generation: integer("generation").notNull(),
    hashes: jsonb("hashes").$type<KeyHash[]>().notNull(),
    status: text("status", { enum: ["active", "inactive", "revoked", "deleted"] }).notNull(),
    expiresAt: timestamp("expires_at", { withTimezone: true }),
    maxStalenessSeconds: integer("max_staleness_seconds").notNull(),
    requestsPerMinute: integer("requests_per_minute"),
    tokensPerMinute: integer("tokens_per_minute"),
    maxConcurrency: integer("max_concurrency"),
    toolCallsPerMinute: integer("tool_calls_per_minute"),
    budgetId: text("budget_id"),
    allowedProviders: jsonb("allowed_providers").$type<string[]>(),
    allowedModels: jsonb("allowed_models").$type<string[]>(),
    /** As it was given; gateways get the canonical form. */
    ipAllowlist: jsonb("ip_allowlist").$type<string[]>(),
    gatewayIds: jsonb("gateway_ids").$type<string[]>(),
    mcp: jsonb("mcp").$type<McpPolicy>().notNull(),
    metadata: jsonb("metadata").$type<Record<string, unknown>>().notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    /** `<epoch>.<revision>` of its last change. */
    revision: text("revision").notNull(),
    /** Revision of the change that brought it into its status: what a second revoke answers with. */
    statusRevision: text("status_revision").notNull(),
  },
  (table) => [
    index("api_key_org").on(table.orgId, table.createdAt),
    index("api_key_project").on(table.projectId),
    index("api_key_owner").on(table.ownerId),
    // An agent's secret does not tell its id, and anybody may hand one in.
    index("api_key_agent_hashes").using("gin", sql`hashes jsonb_path_ops`).where(sql`kind = 'agent'`),
  ],
);

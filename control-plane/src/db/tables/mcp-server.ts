import type { McpServerRecord, SecretRecord } from "@claviger/shared/wire/record";
import { boolean, integer, jsonb, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

/** What a gateway found when it last asked the server what it offers. */
export interface DiscoveryRow {
  readonly atMs: number;
  readonly gatewayId: string;
  readonly gateway: string;
  readonly protocolVersion: string | null;
  readonly serverName: string | null;
  readonly serverVersion: string | null;
}

/** An MCP server; the headers of its requests are here sealed under the organization's data key, never plain. */
export const mcpServer = pgTable(
  "mcp_server",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    name: text("name").notNull(),
    url: text("url").notNull(),
    /** null: every project. */
    projectIds: jsonb("project_ids").$type<string[]>(),
    enabled: boolean("enabled").notNull(),
    newOffers: text("new_offers").$type<McpServerRecord["newOffers"]>().notNull(),
    /** Counts every credential that it ever had. */
    secretVersion: integer("secret_version").notNull(),
    /** null: requests carry no credential. */
    sealed: jsonb("sealed").$type<SecretRecord>(),
    /** What the sealed credential consists of, as far as it is shown. */
    preview: text("preview"),
    headerNames: jsonb("header_names").$type<string[]>().notNull(),
    discovery: jsonb("discovery").$type<DiscoveryRow>(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    revision: text("revision").notNull(),
  },
  (table) => [uniqueIndex("mcp_server_name").on(table.orgId, table.name)],
);

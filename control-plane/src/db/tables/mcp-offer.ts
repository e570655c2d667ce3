import type { McpOfferKind } from "@claviger/shared/wire/record";
import { boolean, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { mcpServer } from "./mcp-server.ts";

/** A tool, prompt, resource or template of an MCP server: as it is offered now, and as it was accepted. */
export const mcpOffer = pgTable(
  "mcp_offer",
  {
    serverId: text("server_id")
      .notNull()
      .references(() => mcpServer.id, { onDelete: "cascade" }),
    kind: text("kind").$type<McpOfferKind>().notNull(),
    name: text("name").notNull(),
    /** As the last discovery found it; null: it is not offered any more. */
    definition: jsonb("definition").$type<Record<string, unknown>>(),
    hash: text("hash"),
    /** null: never accepted. */
    acceptedDefinition: jsonb("accepted_definition").$type<Record<string, unknown>>(),
    acceptedHash: text("accepted_hash"),
    rejected: boolean("rejected").notNull(),
    /** When it was first found as it is now. */
    changedAt: timestamp("changed_at", { withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.serverId, table.kind, table.name] })],
);

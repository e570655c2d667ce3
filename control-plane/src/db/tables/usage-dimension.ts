import { index, jsonb, pgTable, text, uuid } from "drizzle-orm/pg-core";

/**
 * What usage is counted under. A row is never changed: owner, project and metadata are those of the key when the event was
 * taken in. The id is made of the contents, so that nobody asks for it before it is used.
 */
export const usageDimension = pgTable(
  "usage_dimension",
  {
    id: uuid("id").primaryKey(),
    orgId: text("org_id").notNull(),
    keyId: text("key_id").notNull(),
    gatewayId: text("gateway_id").notNull(),
    projectId: text("project_id"),
    ownerId: text("owner_id"),
    /** The key's id, when it is an agent's. */
    agentId: text("agent_id"),
    /** null of refusals: nobody was asked. */
    provider: text("provider"),
    model: text("model"),
    /** Why it was refused or failed. */
    code: text("code"),
    metadata: jsonb("metadata").$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index("usage_dimension_org_key").on(table.orgId, table.keyId)],
);

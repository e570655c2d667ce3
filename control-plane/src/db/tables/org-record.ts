import { bigint, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

/**
 * The fold of an organization's deltas: what a gateway at the head holds. Written by the journal alone, so that a
 * snapshot is the fold by construction.
 */
export const orgRecord = pgTable(
  "org_record",
  {
    orgId: text("org_id").notNull(),
    kind: text("kind").notNull(),
    id: text("id").notNull(),
    rev: bigint("rev", { mode: "number" }).notNull(),
    record: jsonb("record").notNull(),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.kind, table.id] })],
);

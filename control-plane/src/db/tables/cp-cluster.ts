import { integer, pgTable, text } from "drizzle-orm/pg-core";

/** One row: which PostgreSQL the epoch belongs to. */
export const cpCluster = pgTable("cp_cluster", {
  id: integer("id").primaryKey(),
  epoch: integer("epoch").notNull(),
  systemId: text("system_id").notNull(),
  timeline: integer("timeline").notNull(),
});

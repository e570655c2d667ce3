import { boolean, integer, pgTable, text } from "drizzle-orm/pg-core";

/** One row: the PostgreSQL that the control plane last worked with. Another one means another past (`fleet/epochs.ts`). */
export const cpCluster = pgTable("cp_cluster", {
  id: integer("id").primaryKey(),
  /** How many servers or timelines there have been. */
  epoch: integer("epoch").notNull(),
  systemId: text("system_id").notNull(),
  timeline: integer("timeline").notNull(),
  /** Commits waited for a standby when somebody last looked: a promotion from then on loses nothing that was confirmed. */
  synchronous: boolean("synchronous").notNull().default(false),
});

import { bigint, index, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** How a replica has last said that it spends from a budget: decides how large slices are, never how much there is. */
export const budgetDemand = pgTable(
  "budget_demand",
  {
    budgetId: text("budget_id").notNull(),
    replicaId: text("replica_id").notNull(),
    /** What it wants to hold, in nano-dollars. */
    holdN: bigint("hold_n", { mode: "bigint" }).notNull(),
    saidAt: timestamp("said_at", { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.budgetId, table.replicaId] }),
    index("budget_demand_said").on(table.saidAt),
  ],
);

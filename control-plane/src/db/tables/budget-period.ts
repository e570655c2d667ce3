import { sql } from "drizzle-orm";
import { bigint, boolean, check, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

/** One budget in one window: the row whose lock orders everything that is decided of its money. Outlives the budget. */
export const budgetPeriod = pgTable(
  "budget_period",
  {
    budgetId: text("budget_id").notNull(),
    startMs: bigint("start_ms", { mode: "number" }).notNull(),
    /** null: without end. */
    endMs: bigint("end_ms", { mode: "number" }),
    orgId: text("org_id").notNull(),
    limitN: bigint("limit_n", { mode: "bigint" }).notNull(),
    /** Settled, and what is held by lost gateways. */
    spentN: bigint("spent_n", { mode: "bigint" }).notNull(),
    /** What open slices may still spend. */
    openN: bigint("open_n", { mode: "bigint" }).notNull(),
    /** Nothing is issued until all is below the limit again. */
    shrinking: boolean("shrinking").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.budgetId, table.startMs] }),
    // I9, the backstop of every rule above it.
    check(
      "budget_period_hard",
      sql`${table.spentN} >= 0 and ${table.openN} >= 0 and (${table.spentN} + ${table.openN} <= ${table.limitN} or ${table.shrinking})`,
    ),
  ],
);

import { bigint, index, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { organization } from "./organization.ts";

/** A cap in integer nano-dollars (10⁻⁹ USD) per period. */
export const budget = pgTable(
  "budget",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id")
      .notNull()
      .references(() => organization.id),
    limitN: bigint("limit_n", { mode: "bigint" }).notNull(),
    /** The limit as it was written, for showing it again; `limitN` decides. */
    limitUsd: text("limit_usd").notNull(),
    period: text("period", { enum: ["total", "daily", "weekly", "monthly"] }).notNull(),
    /** Percentages, ascending. */
    thresholds: jsonb("thresholds").$type<number[]>(),
  },
  (table) => [index("budget_org").on(table.orgId)],
);

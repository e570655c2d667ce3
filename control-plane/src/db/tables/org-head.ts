import { bigint, integer, pgTable, text } from "drizzle-orm/pg-core";

/** THE lock: one row per organization orders all its changes and every freshness proof. */
export const orgHead = pgTable("org_head", {
  orgId: text("org_id").primaryKey(),
  epoch: integer("epoch").notNull(),
  rev: bigint("rev", { mode: "number" }).notNull(),
  /** Chain value after `rev`, base64url. */
  chain: text("chain").notNull(),
});

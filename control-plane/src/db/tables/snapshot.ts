import { bigint, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** The newest snapshot of an organization; its pages are in `snapshot_page`. */
export const snapshot = pgTable("snapshot", {
  orgId: text("org_id").primaryKey(),
  epoch: integer("epoch").notNull(),
  rev: bigint("rev", { mode: "number" }).notNull(),
  jws: text("jws").notNull(),
  builtAt: timestamp("built_at", { withTimezone: true }).notNull(),
});

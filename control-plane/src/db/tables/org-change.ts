import { sql } from "drizzle-orm";
import { bigint, boolean, index, integer, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** Every delta as it was signed, kept 35 days; `published_at` is null until it was given to the bus. */
export const orgChange = pgTable(
  "org_change",
  {
    orgId: text("org_id").notNull(),
    epoch: integer("epoch").notNull(),
    rev: bigint("rev", { mode: "number" }).notNull(),
    restrictive: boolean("restrictive").notNull(),
    /** Chain value after this revision. */
    chain: text("chain").notNull(),
    jws: text("jws").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
    publishedAt: timestamp("published_at", { withTimezone: true }),
  },
  (table) => [
    primaryKey({ columns: [table.orgId, table.epoch, table.rev] }),
    index("org_change_unpublished").on(table.createdAt).where(sql`published_at is null`),
  ],
);

import { index, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { bytea } from "./bytea.ts";

/** An organization's data keys, wrapped; the newest one that is not retired encrypts. */
export const dataKey = pgTable(
  "data_key",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    wrapped: bytea("wrapped").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
    retiredAt: timestamp("retired_at", { withTimezone: true }),
  },
  (table) => [index("data_key_org").on(table.orgId)],
);

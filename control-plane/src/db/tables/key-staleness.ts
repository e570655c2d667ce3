import { bigint, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

/** One row per version of a key that changed how long gateways may admit it without the control plane; 0 = not at all. */
export const keyStaleness = pgTable(
  "key_staleness",
  {
    orgId: text("org_id").notNull(),
    keyId: text("key_id").notNull(),
    rev: bigint("rev", { mode: "number" }).notNull(),
    maxStalenessSeconds: integer("max_staleness_s").notNull(),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.keyId, table.rev] })],
);

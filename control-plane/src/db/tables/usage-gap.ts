import { bigint, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** Usage events that this database lost, and that the replica no longer had when it was asked again. */
export const usageGap = pgTable(
  "usage_gap",
  {
    replicaId: text("replica_id").notNull(),
    fromSeq: bigint("from_seq", { mode: "number" }).notNull(),
    toSeq: bigint("to_seq", { mode: "number" }).notNull(),
    orgId: text("org_id").notNull(),
    gatewayId: text("gateway_id").notNull(),
    noticedAt: timestamp("noticed_at", { withTimezone: true }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.replicaId, table.fromSeq] })],
);

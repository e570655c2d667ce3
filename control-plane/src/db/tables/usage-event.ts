import type { UsageEvent } from "@claviger/shared/wire/usage";
import { bigint, index, jsonb, pgTable, primaryKey, text, timestamp, uuid } from "drizzle-orm/pg-core";

/** Each settlement once: `(replica, seq)` is gapless up to the replica's cursor. */
export const usageEvent = pgTable(
  "usage_event",
  {
    replicaId: text("replica_id").notNull(),
    seq: bigint("seq", { mode: "number" }).notNull(),
    orgId: text("org_id").notNull(),
    gatewayId: text("gateway_id").notNull(),
    keyId: text("key_id").notNull(),
    kind: text("kind", { enum: ["settled", "refused"] }).notNull(),
    /** Start of the request, or the minute of the refusals. */
    at: timestamp("at", { withTimezone: true }).notNull(),
    /** Nano-dollars at the price of its intake; null: the model has no price. */
    costNanos: bigint("cost_n", { mode: "bigint" }),
    /** What it is counted under, as it was when it was taken in: `usage_dimension`. */
    dimensionId: uuid("dimension_id").notNull(),
    event: jsonb("event").$type<UsageEvent>().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.replicaId, table.seq] }),
    index("usage_event_org_at").on(table.orgId, table.at),
    index("usage_event_key_at").on(table.orgId, table.keyId, table.at),
  ],
);

import { bigint, pgTable, text } from "drizzle-orm/pg-core";

/** Of which usage events of a replica the networks are in `key_network`. */
export const networkCursor = pgTable("network_cursor", {
  replicaId: text("replica_id").primaryKey(),
  seq: bigint("seq", { mode: "number" }).notNull(),
});

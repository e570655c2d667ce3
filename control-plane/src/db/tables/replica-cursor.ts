import { bigint, pgTable, text } from "drizzle-orm/pg-core";

/** The only acknowledgement of usage: every event up to `seq` is in `usage_event`. */
export const replicaCursor = pgTable("replica_cursor", {
  replicaId: text("replica_id").primaryKey(),
  seq: bigint("seq", { mode: "number" }).notNull(),
});

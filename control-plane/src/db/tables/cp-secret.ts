import { pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { bytea } from "./bytea.ts";

/** Private halves of the control plane's own keys, wrapped by the key-encryption key; the name is the context. */
export const cpSecret = pgTable("cp_secret", {
  name: text("name").primaryKey(),
  wrapped: bytea("wrapped").notNull(),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});

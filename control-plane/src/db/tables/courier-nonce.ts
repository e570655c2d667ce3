import { index, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** Calls of the HTTPS courier that were taken in the last minutes, by any process: none is taken twice. */
export const courierNonce = pgTable(
  "courier_nonce",
  {
    /** The public nkey that signed. */
    nkey: text("nkey").notNull(),
    nonce: text("nonce").notNull(),
    at: timestamp("at", { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.nkey, table.nonce] }), index("courier_nonce_at").on(table.at)],
);

import { index, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** Failed sign-ins of the last minutes, by address and by account (hashed), shared by all control-plane processes. */
export const signInFailure = pgTable(
  "sign_in_failure",
  {
    subject: text("subject").notNull(),
    at: timestamp("at", { withTimezone: true }).notNull(),
  },
  (table) => [
    index("sign_in_failure_subject").on(table.subject, table.at),
    index("sign_in_failure_at").on(table.at),
  ],
);

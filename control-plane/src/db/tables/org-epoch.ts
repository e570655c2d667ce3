import { bigint, integer, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** Where each epoch after the first begins: on the revision and chain that the database still had when it was raised. */
export const orgEpoch = pgTable(
  "org_epoch",
  {
    orgId: text("org_id").notNull(),
    epoch: integer("epoch").notNull(),
    /** The last revision of the epoch before; the first of this one is the next. */
    rev: bigint("rev", { mode: "number" }).notNull(),
    /** Chain value after `rev`. */
    chain: text("chain").notNull(),
    /** `server`: another PostgreSQL or timeline. `fork`: a replica holds what this database does not know. */
    why: text("why", { enum: ["server", "fork"] }).notNull(),
    raisedAt: timestamp("raised_at", { withTimezone: true }).notNull(),
    /** Commits up to here have survived, for the database is a prefix of its past; null: nothing says so. */
    survivedAt: timestamp("survived_at", { withTimezone: true }),
    /** Whether confirmations between `survived_at` and `raised_at` are void. */
    loss: text("loss", { enum: ["none", "possible", "proved"] }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.epoch] })],
);

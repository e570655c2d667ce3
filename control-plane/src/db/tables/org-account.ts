import { jsonb, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";
import { bytea } from "./bytea.ts";

/** An organization's NATS account: identity, scoped signing key (private halves wrapped), and its JWT as pushed. */
export const orgAccount = pgTable(
  "org_account",
  {
    orgId: text("org_id").primaryKey(),
    /** Account public key; stands in every subject the control plane sees. */
    account: text("account").notNull(),
    accountSeed: bytea("account_seed").notNull(),
    signingKey: text("signing_key").notNull(),
    signingSeed: bytea("signing_seed").notNull(),
    /** User public key → Unix seconds; credentials issued until then are dead. */
    revocations: jsonb("revocations").$type<Record<string, number>>().notNull().default({}),
    jwt: text("jwt").notNull(),
    updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [uniqueIndex("org_account_account").on(table.account)],
);

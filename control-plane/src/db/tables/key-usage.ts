import { sql } from "drizzle-orm";
import { bigint, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** What a key has ever used: the sum of its usage events, kept in their transaction. */
export const keyUsage = pgTable(
  "key_usage",
  {
    orgId: text("org_id").notNull(),
    keyId: text("key_id").notNull(),
    requests: bigint("requests", { mode: "number" }).notNull().default(0),
    refused: bigint("refused", { mode: "number" }).notNull().default(0),
    inputTokens: bigint("input_tokens", { mode: "number" }).notNull().default(0),
    outputTokens: bigint("output_tokens", { mode: "number" }).notNull().default(0),
    /** Nano-dollars of all requests whose model has a price, and how many have none. */
    spentNanos: bigint("spent_n", { mode: "bigint" }).notNull().default(sql`0`),
    unpriced: bigint("unpriced", { mode: "number" }).notNull().default(0),
    lastUsedAt: timestamp("last_used_at", { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.keyId] })],
);

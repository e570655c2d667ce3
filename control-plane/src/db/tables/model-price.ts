import type { PriceRecord } from "@claviger/shared/wire/record";
import { bigint, index, integer, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/**
 * What a model has ever cost. A row is never changed: its `rev` is what a reservation pins and a settlement names, so that
 * usage is priced by what was in force when the request was admitted.
 */
export const modelPrice = pgTable(
  "model_price",
  {
    rev: bigint("rev", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    /** null: the catalogue's, the same for all organizations. */
    orgId: text("org_id"),
    provider: text("provider").notNull(),
    model: text("model").notNull(),
    /** null: unpriced. */
    price: jsonb("price").$type<PriceRecord>(),
    contextWindow: integer("context_window"),
    outputTokensMax: integer("output_tokens_max"),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [index("model_price_model").on(table.provider, table.model, table.orgId, table.rev)],
);

import { bigint, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { modelPrice } from "./model-price.ts";

/** What an organization says that a model costs, in place of the catalogue. */
export const modelOverride = pgTable(
  "model_override",
  {
    orgId: text("org_id").notNull(),
    provider: text("provider").notNull(),
    model: text("model").notNull(),
    rev: bigint("rev", { mode: "number" })
      .notNull()
      .references(() => modelPrice.rev),
    /** `<epoch>.<revision>` of its last change. */
    revision: text("revision").notNull(),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.provider, table.model] })],
);

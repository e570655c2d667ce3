import { sql } from "drizzle-orm";
import { bigint, boolean, check, index, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

/** The part of one budget's window that one process of one replica may spend. */
export const slice = pgTable(
  "slice",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    budgetId: text("budget_id").notNull(),
    startMs: bigint("start_ms", { mode: "number" }).notNull(),
    replicaId: text("replica_id").notNull(),
    boot: text("boot").notNull(),
    /** Of the question that it answers. */
    req: text("req").notNull(),
    /** As signed; `amountN` is what is left of it by now. */
    issuedN: bigint("issued_n", { mode: "bigint" }).notNull(),
    amountN: bigint("amount_n", { mode: "bigint" }).notNull(),
    spentN: bigint("spent_n", { mode: "bigint" }).notNull(),
    state: text("state", { enum: ["open", "closed", "written_off"] }).notNull(),
    /** Asked back, because another replica has no headroom. */
    recalled: boolean("recalled").notNull().default(false),
    jws: text("jws").notNull(),
    changedAt: timestamp("changed_at", { withTimezone: true }).notNull(),
  },
  (table) => [
    uniqueIndex("slice_req").on(table.replicaId, table.req),
    index("slice_period").on(table.budgetId, table.startMs).where(sql`${table.state} <> 'closed'`),
    index("slice_replica").on(table.replicaId).where(sql`${table.state} <> 'closed'`),
    index("slice_closed").on(table.changedAt).where(sql`${table.state} = 'closed'`),
    check(
      "slice_within",
      sql`0 <= ${table.spentN} and ${table.spentN} <= ${table.amountN} and ${table.amountN} <= ${table.issuedN}`,
    ),
  ],
);

import type { OperationView } from "@claviger/shared/sync/operation";
import { sql } from "drizzle-orm";
import { bigint, index, integer, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** A change that waits for the fleet. Computed from the replicas' rows until it is done, then frozen in `result`. */
export const barrierOp = pgTable(
  "barrier_op",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    epoch: integer("epoch").notNull(),
    rev: bigint("rev", { mode: "number" }).notNull(),
    kind: text("kind", { enum: ["restrictive", "giving"] }).notNull(),
    /** Whose staleness bounds it. */
    keys: jsonb("keys").$type<readonly string[] | "all">().notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    /** Taken after the organization's row was locked. */
    committedAt: timestamp("committed_at", { withTimezone: true }).notNull(),
    doneAt: timestamp("done_at", { withTimezone: true }),
    result: jsonb("result").$type<OperationView>(),
  },
  (table) => [index("barrier_op_open").on(table.orgId, table.rev).where(sql`done_at is null`)],
);

import { sql } from "drizzle-orm";
import { index, integer, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

/** One notification on its way by one channel. Its id goes with every attempt, so that a receiver knows a repeated one. */
export const notificationDelivery = pgTable(
  "notification_delivery",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    notificationId: text("notification_id").notNull(),
    channelId: text("channel_id").notNull(),
    status: text("status", { enum: ["pending", "delivered", "failed"] }).notNull(),
    /** Begun. */
    attempts: integer("attempts").notNull().default(0),
    /** While it is pending: when it is tried next; while somebody tries: when another one may. */
    nextAttemptAt: timestamp("next_attempt_at", { withTimezone: true }),
    /** Of the last attempt: the status that was answered, or why there was none. */
    answer: text("answer"),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    endedAt: timestamp("ended_at", { withTimezone: true }),
  },
  (table) => [
    uniqueIndex("notification_delivery_once").on(table.notificationId, table.channelId),
    index("notification_delivery_org").on(table.orgId, table.createdAt),
    index("notification_delivery_due").on(table.nextAttemptAt).where(sql`status = 'pending'`),
  ],
);

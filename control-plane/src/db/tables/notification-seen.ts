import { pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** Up to when a member has seen the organization's notifications. */
export const notificationSeen = pgTable("notification_seen", {
  memberId: text("member_id").primaryKey(),
  seenAt: timestamp("seen_at", { withTimezone: true }).notNull(),
});

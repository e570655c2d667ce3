import type { NotificationRules } from "@claviger/shared/api/notification";
import { jsonb, pgTable, text } from "drizzle-orm/pg-core";

/** What an organization wants to be told of, where it said other than the defaults. */
export const notificationRules = pgTable("notification_rules", {
  orgId: text("org_id").primaryKey(),
  rules: jsonb("rules").$type<Partial<NotificationRules>>().notNull(),
  /** `<epoch>.<revision>` of its last change. */
  revision: text("revision").notNull(),
});

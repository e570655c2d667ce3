import type { NotificationKind } from "@claviger/shared/api/notification";
import { index, jsonb, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

/** Something that an organization was told, once. */
export const notification = pgTable(
  "notification",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    kind: text("kind").$type<NotificationKind>().notNull(),
    /** What happened, so that it is told once however many processes see it, e.g. `budget/<id>/<period>/<threshold>`. */
    occasion: text("occasion").notNull(),
    title: text("title").notNull(),
    text: text("text").notNull(),
    data: jsonb("data").$type<Record<string, unknown>>().notNull(),
    at: timestamp("at", { withTimezone: true }).notNull(),
  },
  (table) => [
    uniqueIndex("notification_occasion").on(table.orgId, table.occasion),
    index("notification_org_at").on(table.orgId, table.at),
  ],
);

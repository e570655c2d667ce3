import type { NotificationKind } from "@claviger/shared/api/notification";
import { boolean, index, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { bytea } from "./bytea.ts";

/** A way by which an organization is told of what happens, beside its dashboard. */
export const notificationChannel = pgTable(
  "notification_channel",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    kind: text("kind", { enum: ["webhook", "slack", "email"] }).notNull(),
    name: text("name").notNull(),
    /** What is shown of where it goes: a webhook's URL, the host of a Slack URL; null for e-mail. */
    target: text("target"),
    recipients: jsonb("recipients").$type<string[]>().notNull().default([]),
    /** Wrapped under the key-encryption key: a webhook's signing secret, or the whole URL of Slack. */
    wrapped: bytea("wrapped"),
    enabled: boolean("enabled").notNull().default(true),
    /** null: all of them. */
    kinds: jsonb("kinds").$type<NotificationKind[]>(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    /** `<epoch>.<revision>` of its last change. */
    revision: text("revision").notNull(),
  },
  (table) => [index("notification_channel_org").on(table.orgId, table.createdAt)],
);

/** What its secret is wrapped for. */
export function channelContext(id: string): string {
  return `notification-channel/${id}`;
}

/** Reading channels, always inside one organization; their secrets are never shown. */
import type {
  NotificationChannelView,
  NotificationDeliveryView,
  NotificationView,
} from "@claviger/shared/api/notification";
import { notFound } from "@claviger/shared/api/problem";
import type { Resource } from "@claviger/shared/api/resource";
import { and, eq } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import type { notification } from "../db/tables/notification.ts";
import { notificationChannel } from "../db/tables/notification-channel.ts";
import type { notificationDelivery } from "../db/tables/notification-delivery.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";

export type ChannelRow = typeof notificationChannel.$inferSelect;
export type ChannelResource = Resource<NotificationChannelView>;
export type NotificationRow = typeof notification.$inferSelect;
export type NotificationResource = Resource<NotificationView>;
export type DeliveryRow = typeof notificationDelivery.$inferSelect;
export type DeliveryResource = Resource<NotificationDeliveryView>;

export async function findChannel(db: Queryable, orgId: string, id: string): Promise<ChannelRow> {
  const [row] = await db
    .select()
    .from(notificationChannel)
    .where(and(eq(notificationChannel.orgId, orgId), eq(notificationChannel.id, id)));
  if (row === undefined) throw notFound("notification channel");
  return row;
}

/** One channel and its revision. */
export async function readChannel(ports: Pick<Ports, "db">, caller: Caller, id: string) {
  const row = await findChannel(ports.db, caller.organizationId, id);
  return { resource: channelResource(row), revision: row.revision };
}

export function channelResource(row: ChannelRow): ChannelResource {
  const { id, kind, name, target, recipients, enabled, kinds, createdAt } = row;
  return {
    type: "notification-channel",
    id,
    attributes: { kind, name, url: target, recipients, enabled, kinds, createdAt: createdAt.toISOString() },
  };
}

export function notificationResource(row: NotificationRow, seen: boolean): NotificationResource {
  const { id, kind, title, text, data, at } = row;
  return { type: "notification", id, attributes: { kind, title, text, data, at: at.toISOString(), seen } };
}

export function deliveryResource(
  row: DeliveryRow,
  told: Pick<NotificationRow, "kind" | "title">,
): DeliveryResource {
  const { id, notificationId, channelId, status, attempts, answer } = row;
  return {
    type: "notification-delivery",
    id,
    attributes: {
      ...{ notificationId, channelId, kind: told.kind, title: told.title, status, attempts, answer },
      nextAttemptAt: status === "pending" ? (row.nextAttemptAt?.toISOString() ?? null) : null,
      createdAt: row.createdAt.toISOString(),
      endedAt: row.endedAt?.toISOString() ?? null,
    },
  };
}

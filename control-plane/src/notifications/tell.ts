/** Telling an organization something, once: the notification and its deliveries in one transaction. */
import type { NotificationKind } from "@claviger/shared/api/notification";
import { and, eq } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { notification } from "../db/tables/notification.ts";
import { notificationChannel } from "../db/tables/notification-channel.ts";
import { notificationDelivery } from "../db/tables/notification-delivery.ts";
import type { Tx } from "../fleet/journal.ts";
import type { Ports } from "../ports.ts";
import type { DeliveryRow, NotificationRow } from "./view.ts";

export interface News {
  readonly orgId: string;
  readonly kind: Exclude<NotificationKind, "test">;
  /** Names what happened: of two processes that see it, one tells it. */
  readonly occasion: string;
  readonly title: string;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** False when it was told before. */
export async function tell(tx: Tx, ports: Pick<Ports, "random" | "clock">, news: News): Promise<boolean> {
  const at = new Date(ports.clock.nowMs());
  const row: NotificationRow = { ...news, id: newId(ports.random, "ntf"), at, data: { ...news.data } };
  const told = await tx
    .insert(notification)
    .values(row)
    .onConflictDoNothing()
    .returning({ id: notification.id });
  if (told.length === 0) return false;
  const channels = await tx
    .select()
    .from(notificationChannel)
    .where(and(eq(notificationChannel.orgId, news.orgId), eq(notificationChannel.enabled, true)));
  const wanting = channels.filter(({ kinds }) => kinds === null || kinds.includes(news.kind));
  if (wanting.length > 0) {
    await tx.insert(notificationDelivery).values(wanting.map(({ id }) => pending(ports, row, id)));
  }
  return true;
}

/** A delivery that is due at once. */
export function pending(
  ports: Pick<Ports, "random">,
  { id: notificationId, orgId, at }: NotificationRow,
  channelId: string,
): DeliveryRow {
  return {
    ...{ id: newId(ports.random, "msg"), orgId, notificationId, channelId, status: "pending", attempts: 0 },
    ...{ nextAttemptAt: at, answer: null, createdAt: at, endedAt: null },
  };
}

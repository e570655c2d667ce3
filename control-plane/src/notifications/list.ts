/** What an organization was told, as its members see it. */
import type { ListQuery } from "@claviger/shared/api/list";
import type { NotificationsSeen } from "@claviger/shared/api/notification";
import { notFound } from "@claviger/shared/api/problem";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq, gt, ne, sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { pageOf, pageWhere, timeValue } from "../db/page.ts";
import { notification } from "../db/tables/notification.ts";
import { notificationChannel } from "../db/tables/notification-channel.ts";
import { notificationSeen } from "../db/tables/notification-seen.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import {
  type ChannelResource,
  channelResource,
  type NotificationResource,
  notificationResource,
} from "./view.ts";

/** Newest first; `unseen` counts those that the caller has not seen. Tests of channels are not among them. */
export async function listNotifications(
  ports: Ports,
  caller: Caller,
  query: ListQuery,
): Promise<Page<NotificationResource> & { unseen: number }> {
  const { db } = ports;
  const mine = and(eq(notification.orgId, caller.organizationId), ne(notification.kind, "test"));
  const order = { expr: notification.at, id: notification.id, kind: "time", descending: true } as const;
  const paged = pageWhere(order, query);
  const seenAt = await seenUpTo(db, caller);
  const rows = await db
    .select()
    .from(notification)
    .where(and(mine, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, (row) => [timeValue(row.at), row.id]);
  const unseen = await db.$count(
    notification,
    and(mine, seenAt === undefined ? undefined : gt(notification.at, seenAt)),
  );
  const resources = page.rows.map((row) =>
    notificationResource(row, seenAt !== undefined && row.at <= seenAt),
  );
  return { resources, next: page.next, total: await db.$count(notification, mine), unseen };
}

/** Everything up to that notification (up to now without one) counts as seen by the caller; what was seen stays so. */
export async function markSeen(ports: Ports, caller: Caller, { upTo }: NotificationsSeen): Promise<void> {
  const { db } = ports;
  let seenAt = new Date(ports.clock.nowMs());
  if (upTo !== undefined) {
    const [row] = await db
      .select({ at: notification.at })
      .from(notification)
      .where(and(eq(notification.orgId, caller.organizationId), eq(notification.id, upTo)));
    if (row === undefined) throw notFound("notification");
    seenAt = row.at;
  }
  await db
    .insert(notificationSeen)
    .values({ memberId: caller.memberId, seenAt })
    .onConflictDoUpdate({
      target: notificationSeen.memberId,
      set: { seenAt: sql`greatest(${notificationSeen.seenAt}, excluded.seen_at)` },
    });
}

async function seenUpTo(db: Queryable, { memberId }: Caller): Promise<Date | undefined> {
  const [row] = await db.select().from(notificationSeen).where(eq(notificationSeen.memberId, memberId));
  return row?.seenAt;
}

/** All of them: there are 50 at most. */
export async function listChannels(ports: Ports, caller: Caller): Promise<Page<ChannelResource>> {
  const rows = await ports.db
    .select()
    .from(notificationChannel)
    .where(eq(notificationChannel.orgId, caller.organizationId))
    .orderBy(notificationChannel.name, notificationChannel.id);
  return { resources: rows.map(channelResource), next: null, total: rows.length };
}

/** What is and was on its way, and trying a channel out. */
import type { ListQuery } from "@claviger/shared/api/list";
import { notFound, problem } from "@claviger/shared/api/problem";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq, gt } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { pageOf, pageWhere, timeValue } from "../db/page.ts";
import { notification } from "../db/tables/notification.ts";
import { notificationDelivery } from "../db/tables/notification-delivery.ts";
import type { Tx } from "../fleet/journal.ts";
import { recordOutcome } from "../idempotency/claim.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { requireStill } from "../sessions/recheck.ts";
import { pending } from "./tell.ts";
import { type DeliveryResource, deliveryResource, findChannel, type NotificationRow } from "./view.ts";

/** Newest first. */
export async function listDeliveries(
  ports: Ports,
  caller: Caller,
  query: ListQuery,
  channelId?: string,
): Promise<Page<DeliveryResource>> {
  const mine = and(
    eq(notificationDelivery.orgId, caller.organizationId),
    channelId === undefined ? undefined : eq(notificationDelivery.channelId, channelId),
  );
  const expr = notificationDelivery.createdAt;
  const paged = pageWhere({ expr, id: notificationDelivery.id, kind: "time", descending: true }, query);
  const rows = await ports.db
    .select({ row: notificationDelivery, kind: notification.kind, title: notification.title })
    .from(notificationDelivery)
    .innerJoin(notification, eq(notification.id, notificationDelivery.notificationId))
    .where(and(mine, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, ({ row }) => [timeValue(row.createdAt), row.id]);
  const resources = page.rows.map(({ row, ...told }) => deliveryResource(row, told));
  return { resources, next: page.next, total: await ports.db.$count(notificationDelivery, mine) };
}

const LOOK_MS = 100;
const MINUTE_MS = 60_000;
/** Tests of one organization's channels within a minute: each of them is a request that a member sends from here. */
const TESTS_MAX = 20;

/**
 * Sends a test by that channel, switched on or not, and waits for its first attempt, `waitMs` at most. It is delivered by
 * whichever control plane comes first, as everything else is. Throws 429 past 20 of an organization in a minute.
 */
export async function testChannel(
  ports: Ports,
  caller: Caller,
  id: string,
  waiting: { readonly waitMs: number; readonly left: AbortSignal },
): Promise<DeliveryResource> {
  const delivery = await ports.db.transaction(async (tx) => {
    await requireStill(tx, ports, caller);
    const channel = await findChannel(tx, caller.organizationId, id);
    await requireFewTests(tx, ports, channel.orgId);
    const told: NotificationRow = {
      ...{ id: newId(ports.random, "ntf"), orgId: channel.orgId, kind: "test" },
      occasion: `test/${newId(ports.random, "ntf")}`,
      title: "Test of a notification channel",
      text: `${caller.actor.name} tries the channel ${channel.name} out.`,
      ...{ data: { channelId: channel.id }, at: new Date(ports.clock.nowMs()) },
    };
    await tx.insert(notification).values(told);
    const row = pending(ports, told, channel.id);
    await tx.insert(notificationDelivery).values(row);
    await recordDelivery(tx, caller, deliveryResource(row, told));
    return row.id;
  });
  const untilMs = performance.now() + waiting.waitMs;
  for (;;) {
    const found = await readDelivery(ports, caller, delivery);
    const { status, answer } = found.attributes;
    const tried = status !== "pending" || answer !== null;
    if (tried || waiting.left.aborted || performance.now() >= untilMs) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function requireFewTests(tx: Tx, ports: Ports, orgId: string): Promise<void> {
  const since = new Date(ports.clock.nowMs() - MINUTE_MS);
  const mine = and(eq(notification.orgId, orgId), eq(notification.kind, "test"), gt(notification.at, since));
  if ((await tx.$count(notification, mine)) < TESTS_MAX) return;
  const detail = `An organization may try its channels out ${TESTS_MAX} times a minute.`;
  throw problem("rate_limit_exceeded", detail, { retryAfterSeconds: MINUTE_MS / 1000 });
}

/** Tries a failed delivery again, as often as a new one. */
export async function retryDelivery(ports: Ports, caller: Caller, id: string): Promise<DeliveryResource> {
  await ports.db.transaction(async (tx) => {
    await requireStill(tx, ports, caller);
    const mine = and(eq(notificationDelivery.orgId, caller.organizationId), eq(notificationDelivery.id, id));
    const [row] = await tx.select().from(notificationDelivery).where(mine).for("update");
    if (row === undefined) throw notFound("notification delivery");
    if (row.status !== "failed")
      throw problem("state_conflict", "Only a delivery that failed is tried again.");
    await findChannel(tx, row.orgId, row.channelId);
    const again = {
      status: "pending",
      attempts: 0,
      endedAt: null,
      nextAttemptAt: new Date(ports.clock.nowMs()),
    } as const;
    await tx.update(notificationDelivery).set(again).where(mine);
    const [told] = await tx.select().from(notification).where(eq(notification.id, row.notificationId));
    if (told === undefined) throw notFound("notification delivery");
    await recordDelivery(tx, caller, deliveryResource({ ...row, ...again }, told));
  });
  return readDelivery(ports, caller, id);
}

async function recordDelivery(tx: Tx, { claim }: Caller, resource: DeliveryResource): Promise<void> {
  if (claim === undefined) return;
  const outcome = { resource, created: false, effect: "neutral", secret: false, revision: null } as const;
  await recordOutcome(tx, claim, outcome);
}

async function readDelivery(ports: Ports, caller: Caller, id: string): Promise<DeliveryResource> {
  const [found] = await ports.db
    .select({ row: notificationDelivery, kind: notification.kind, title: notification.title })
    .from(notificationDelivery)
    .innerJoin(notification, eq(notification.id, notificationDelivery.notificationId))
    .where(and(eq(notificationDelivery.orgId, caller.organizationId), eq(notificationDelivery.id, id)));
  if (found === undefined) throw notFound("notification delivery");
  const { row, ...told } = found;
  return deliveryResource(row, told);
}

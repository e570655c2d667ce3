/**
 * Deliveries in all control planes at once. A delivery belongs for a minute to who took it (`for update skip locked`), so
 * that one whose process ended is tried by another; whatever is tried again carries the same id. At least once, that is,
 * and known as the same by who receives it.
 */
import { and, eq, sql } from "drizzle-orm";
import { notification } from "../db/tables/notification.ts";
import { channelContext } from "../db/tables/notification-channel.ts";
import { notificationDelivery } from "../db/tables/notification-delivery.ts";
import type { Ports } from "../ports.ts";
import { type Mail, mailOf, slackBody, webhookBody } from "./message.ts";
import { signedHeaders } from "./sign.ts";
import { type ChannelRow, type DeliveryRow, findChannel, type NotificationRow } from "./view.ts";

export interface Senders {
  /** Guarded: the address was chosen by a tenant. Resolves to the status; rejects where there was no answer. */
  readonly post: (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<number>;
  /** Absent where the operator has set no mail server up. */
  readonly mail?: ((mail: Mail) => Promise<void>) | undefined;
  readonly publicUrl: string;
}

/** How long one that took a delivery has for it, in seconds; longer than any exchange. */
const HELD_SECONDS = 60;
const BATCH_MAX = 8;
const MINUTE_MS = 60_000;
/** Pauses after failed attempts, as Standard Webhooks proposes; after the last one it has failed. */
const PAUSES_MS = [5_000, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS, 300 * MINUTE_MS, 600 * MINUTE_MS];

/** Tries what is due, a few at once; how many that were. */
export async function deliverDue(ports: Ports, senders: Senders): Promise<number> {
  const due = await take(ports);
  await Promise.all(due.map((row) => deliver(ports, senders, row)));
  return due.length;
}

async function take(ports: Ports): Promise<DeliveryRow[]> {
  const now = new Date(ports.clock.nowMs());
  const held = new Date(now.getTime() + HELD_SECONDS * 1000);
  const nowText = now.toISOString();
  return ports.db
    .update(notificationDelivery)
    .set({ attempts: sql`${notificationDelivery.attempts} + 1`, nextAttemptAt: held })
    .where(
      sql`${notificationDelivery.id} in (
        select id from notification_delivery where status = 'pending' and next_attempt_at <= ${nowText}
        order by next_attempt_at limit ${BATCH_MAX} for update skip locked)`,
    )
    .returning();
}

interface Outcome {
  readonly ok: boolean;
  readonly answer: string;
  /** Nothing that time mends. */
  readonly final?: boolean;
}

async function deliver(ports: Ports, senders: Senders, row: DeliveryRow): Promise<void> {
  const { ok, answer, final } = await attempt(ports, senders, row).catch(
    (error: unknown): Outcome => ({ ok: false, answer: wordsOf(error) }),
  );
  const nowMs = ports.clock.nowMs();
  const pauseMs = PAUSES_MS[row.attempts - 1];
  const over = ok || final === true || pauseMs === undefined;
  const next = over
    ? {
        status: ok ? ("delivered" as const) : ("failed" as const),
        endedAt: new Date(nowMs),
        nextAttemptAt: null,
      }
    : { nextAttemptAt: new Date(nowMs + pauseMs) };
  // Whoever was too slow has been followed by another attempt, whose word counts.
  const mine = and(
    eq(notificationDelivery.id, row.id),
    eq(notificationDelivery.status, "pending"),
    eq(notificationDelivery.attempts, row.attempts),
  );
  await ports.db
    .update(notificationDelivery)
    .set({ ...next, answer })
    .where(mine);
  if (!ok)
    ports.log.info({ delivery: row.id, channel: row.channelId, answer }, "a notification was not taken");
}

async function attempt(ports: Ports, senders: Senders, row: DeliveryRow): Promise<Outcome> {
  const [told] = await ports.db.select().from(notification).where(eq(notification.id, row.notificationId));
  if (told === undefined) return { ok: false, answer: "the notification is gone", final: true };
  const channel = await findChannel(ports.db, row.orgId, row.channelId);
  if (channel.kind === "email") return sendMail(senders, channel, told, row.id);
  const secret = new TextDecoder().decode(
    await ports.vault.unwrap(channel.wrapped ?? new Uint8Array(), channelContext(channel.id)),
  );
  return answered(await post(ports, senders, channel, told, { id: row.id, secret }));
}

async function post(
  ports: Ports,
  senders: Senders,
  channel: ChannelRow,
  told: NotificationRow,
  { id, secret }: { readonly id: string; readonly secret: string },
): Promise<number> {
  if (channel.kind === "slack") return senders.post(secret, {}, slackBody(told));
  const body = webhookBody(told);
  const headers = await signedHeaders(secret, id, ports.clock.nowMs(), body);
  return senders.post(channel.target ?? "", { "user-agent": "claviger", ...headers }, body);
}

/** 410: nobody is there any more, and nobody will be. */
function answered(status: number): Outcome {
  return { ok: status >= 200 && status < 300, answer: String(status), final: status === 410 };
}

async function sendMail(
  { mail, publicUrl }: Senders,
  channel: ChannelRow,
  told: NotificationRow,
  id: string,
): Promise<Outcome> {
  if (mail === undefined) return { ok: false, answer: "e-mail is not set up", final: true };
  await mail(mailOf(told, channel.recipients, id, publicUrl));
  return { ok: true, answer: "accepted" };
}

const WORDS_MAX = 200;

/** In a tenant's sight: what went wrong, no stack, no address that a name was resolved to. */
function wordsOf(error: unknown): string {
  const { code, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) };
  const known = code === undefined ? undefined : KNOWN[code];
  return (known ?? (code === undefined ? message : `failed: ${code}`)).slice(0, WORDS_MAX);
}

const KNOWN: Readonly<Record<string, string>> = {
  EGRESS_BLOCKED: "the address is not one that the control plane may connect to",
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "the connection was closed",
  ENOTFOUND: "the name is not known",
  ETIMEDOUT: "no answer in time",
  ABORT_ERR: "no answer in time",
  EENVELOPE: "the mail server refused sender or recipient",
  EAUTH: "the mail server refused the control plane's sign-in",
};

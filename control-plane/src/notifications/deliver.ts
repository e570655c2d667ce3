/**
 * Deliveries in all control planes at once. A delivery belongs for a minute to who took it (`for update skip locked`), so
 * that one whose process ended is tried by another; whatever is tried again carries the same id. At least once, that is,
 * and known as the same by who receives it. Receivers are their organizations' own affair: one whose receivers answer
 * nobody has two slots of a process at most, and those who waited longest for a turn come first.
 */
import { and, eq, sql } from "drizzle-orm";
import { notification } from "../db/tables/notification.ts";
import { channelContext, notificationChannel } from "../db/tables/notification-channel.ts";
import { notificationDelivery } from "../db/tables/notification-delivery.ts";
import type { Ports } from "../ports.ts";
import { type Mail, mailOf, slackBody, webhookBody } from "./message.ts";
import { signedHeaders } from "./sign.ts";
import type { ChannelRow, DeliveryRow, NotificationRow } from "./view.ts";

export interface Senders {
  /** Guarded: the address was chosen by a tenant. Resolves to the status; rejects where there was no answer. */
  readonly post: (
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    orgId?: string,
  ) => Promise<number>;
  /** Absent where the operator has set no mail server up. */
  readonly mail?: ((mail: Mail) => Promise<void>) | undefined;
  readonly publicUrl: string;
}

/** How long one that took a delivery has for it, in seconds; longer than any exchange (of mail: 45). */
const HELD_SECONDS = 60;
/** Under way at once in this process. */
const SLOTS = 16;
/** Of them, one organization's. */
const ORG_SLOTS = 2;
/** Organizations whose last turn is remembered. */
const TURNS_MAX = 1_000;
const MINUTE_MS = 60_000;
/** Pauses after failed attempts, as Standard Webhooks proposes; after the last one it has failed. */
const PAUSES_MS = [5_000, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS, 300 * MINUTE_MS, 600 * MINUTE_MS];

export interface Deliverer {
  /** Takes what is due and has a slot, and resolves to what is under way then: each to its end, which never rejects. */
  take(): Promise<readonly Promise<void>[]>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** The slots of this process. `take` is not called again before it has resolved. */
export function createDeliverer(ports: Ports, senders: Senders): Deliverer {
  const underWay = new Set<{ readonly orgId: string; readonly ended: Promise<void> }>();
  /** Organizations in the order of their last turns. */
  const turns = new Set<string>();
  const begin = (row: DeliveryRow): Promise<void> => {
    turns.delete(row.orgId);
    turns.add(row.orgId);
    for (const orgId of turns) if (turns.size > TURNS_MAX) turns.delete(orgId);
    const ended = deliver(ports, senders, row)
      .catch((error: unknown) => ports.log.warn({ err: error, delivery: row.id }, "a delivery broke off"))
      .finally(() => underWay.delete(one));
    const one = { orgId: row.orgId, ended };
    underWay.add(one);
    return ended;
  };
  return {
    async take() {
      const free = SLOTS - underWay.size;
      if (free <= 0) return [];
      const busy = Map.groupBy(underWay, ({ orgId }) => orgId);
      const known = [...turns].map((id, turn) => ({ id, turn, busy: busy.get(id)?.length ?? 0 }));
      return (await takeDue(ports, known, free)).map(begin);
    },
    async idle() {
      await Promise.all([...underWay].map(({ ended }) => ended));
    },
  };
}

/** Tries what is due, two of each organization at most; how many that were. */
export async function deliverDue(ports: Ports, senders: Senders): Promise<number> {
  const due = await createDeliverer(ports, senders).take();
  await Promise.all(due);
  return due.length;
}

interface Turn {
  readonly id: string;
  /** Greater: later. */
  readonly turn: number;
  /** Of its deliveries, how many are under way. */
  readonly busy: number;
}

function takeDue(ports: Ports, turns: readonly Turn[], max: number): Promise<DeliveryRow[]> {
  const now = new Date(ports.clock.nowMs());
  const held = new Date(now.getTime() + HELD_SECONDS * 1000);
  const nowText = now.toISOString();
  return ports.db
    .update(notificationDelivery)
    .set({ attempts: sql`${notificationDelivery.attempts} + 1`, nextAttemptAt: held })
    .where(
      sql`${notificationDelivery.id} in (
        select d.id from notification_delivery d join (
          select id, coalesce(t.busy, 0) + row_number() over (partition by org_id order by next_attempt_at, id) as nth,
            t.turn
          from notification_delivery left join
            (select id as org, turn, busy from jsonb_to_recordset(${JSON.stringify(turns)}::jsonb)
              as r (id text, turn int, busy int)) t on t.org = org_id
          where status = 'pending' and next_attempt_at <= ${nowText}) q on q.id = d.id
        where d.status = 'pending' and d.next_attempt_at <= ${nowText} and q.nth <= ${ORG_SLOTS}
        order by q.nth, q.turn nulls first, d.next_attempt_at limit ${max} for update of d skip locked)`,
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
  const its = and(eq(notificationChannel.orgId, row.orgId), eq(notificationChannel.id, row.channelId));
  const [channel] = await ports.db.select().from(notificationChannel).where(its);
  if (channel === undefined) return { ok: false, answer: "the channel was deleted", final: true };
  if (!channel.enabled && told.kind !== "test")
    return { ok: false, answer: "the channel is switched off", final: true };
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
  if (channel.kind === "slack") return senders.post(secret, {}, slackBody(told), told.orgId);
  const body = webhookBody(told);
  const headers = await signedHeaders(secret, id, ports.clock.nowMs(), body);
  return senders.post(channel.target ?? "", { "user-agent": "claviger", ...headers }, body, told.orgId);
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

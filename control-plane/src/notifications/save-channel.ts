/** Channels concern no gateway; that they were changed is in the audit as any change is. */
import type { NotificationChannelCreate, NotificationChannelEdit } from "@claviger/shared/api/notification";
import { ApiProblem, invalidAttribute, problem } from "@claviger/shared/api/problem";
import { egressModeOf, readEgressAllow } from "@claviger/shared/decide/egress";
import { and, eq } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { channelContext, notificationChannel } from "../db/tables/notification-channel.ts";
import { notificationDelivery } from "../db/tables/notification-delivery.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";
import { makeSecret } from "./sign.ts";
import { type ChannelResource, type ChannelRow, channelResource, findChannel } from "./view.ts";

const CHANNELS_MAX = 50;

const neutral = { effect: "neutral", changes: [], keys: [] } as const;

/** A webhook's signing secret is in `secretKey`, once. */
export function createChannel(
  ports: Ports,
  settings: Settings,
  caller: Caller,
  input: NotificationChannelCreate,
): Promise<Changed<ChannelResource>> {
  const orgId = caller.organizationId;
  requireRight(settings, input);
  return commit(ports, caller, async (tx) => {
    const held = await tx.$count(notificationChannel, eq(notificationChannel.orgId, orgId));
    if (held >= CHANNELS_MAX) {
      throw problem(
        "state_conflict",
        `An organization has ${CHANNELS_MAX} channels at most. Delete one first.`,
      );
    }
    const id = newId(ports.random, "nch");
    const secretKey = input.kind === "webhook" ? makeSecret(ports.random) : undefined;
    const row: ChannelRow = {
      ...{ id, orgId, kind: input.kind, name: input.name, enabled: input.enabled ?? true },
      target: targetOf(input.kind, input.url),
      recipients: input.recipients ?? [],
      wrapped: await wrap(ports, id, secretKey ?? input.url),
      kinds: input.kinds ?? null,
      createdAt: new Date(ports.clock.nowMs()),
      revision: await nextRevision(tx, orgId),
    };
    await tx.insert(notificationChannel).values(row);
    return {
      resource: channelResource(row),
      entry: { actor: caller.actor, action: "notification-channel.create", ...neutral },
      ...(secretKey === undefined ? {} : { secretKey }),
    };
  });
}

/** What is not named stays; the kind of a channel is for ever. */
export function editChannel(
  ports: Ports,
  settings: Settings,
  caller: Caller,
  target: { readonly id: string; readonly ifMatch?: string | undefined },
  input: NotificationChannelEdit,
): Promise<Changed<ChannelResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await findChannel(tx, orgId, target.id);
    await requireUnchanged(target.ifMatch, before.revision, async () => ({
      resource: channelResource(before),
    }));
    requireFitting(settings, before.kind, input);
    const { url } = input;
    const row: ChannelRow = {
      ...before,
      name: input.name ?? before.name,
      enabled: input.enabled ?? before.enabled,
      recipients: input.recipients ?? before.recipients,
      kinds: input.kinds === undefined ? before.kinds : input.kinds,
      target: url === undefined ? before.target : targetOf(before.kind, url),
      wrapped:
        url !== undefined && before.kind === "slack" ? await wrap(ports, before.id, url) : before.wrapped,
      revision: await nextRevision(tx, orgId),
    };
    return save(tx, caller, row, "notification-channel.edit");
  });
}

/** A new signing secret in `secretKey`; the former one signs nothing from now on. */
export function rotateChannel(ports: Ports, caller: Caller, id: string): Promise<Changed<ChannelResource>> {
  return commit(ports, caller, async (tx) => {
    const before = await findChannel(tx, caller.organizationId, id);
    if (before.kind !== "webhook") throw problem("state_conflict", "Only a webhook has a signing secret.");
    const secretKey = makeSecret(ports.random);
    const wrapped = await wrap(ports, before.id, secretKey);
    const revision = await nextRevision(tx, before.orgId);
    return {
      ...(await save(tx, caller, { ...before, wrapped, revision }, "notification-channel.rotate")),
      secretKey,
    };
  });
}

/** What is on its way by it is not tried again. */
export function deleteChannel(ports: Ports, caller: Caller, id: string): Promise<Changed> {
  return commit(ports, caller, async (tx) => {
    const row = await findChannel(tx, caller.organizationId, id);
    await tx.delete(notificationChannel).where(eq(notificationChannel.id, row.id));
    const ended = {
      status: "failed",
      answer: "the channel was deleted",
      endedAt: new Date(ports.clock.nowMs()),
    } as const;
    await tx
      .update(notificationDelivery)
      .set(ended)
      .where(and(eq(notificationDelivery.channelId, row.id), eq(notificationDelivery.status, "pending")));
    return {
      resource: null,
      entry: { actor: caller.actor, action: "notification-channel.delete", ...neutral },
    };
  });
}

async function save(tx: Tx, caller: Caller, row: ChannelRow, action: string) {
  await tx.update(notificationChannel).set(row).where(eq(notificationChannel.id, row.id));
  return { resource: channelResource(row), entry: { actor: caller.actor, action, ...neutral } };
}

function requireRight(settings: Settings, input: NotificationChannelCreate): void {
  const name = input.kind === "email" ? "recipients" : "url";
  if (input[name] === undefined) {
    const pointer = `/data/attributes/${name}`;
    const detail = `A channel of kind ${input.kind} needs ${name}.`;
    throw new ApiProblem([{ code: "missing_required_parameter", detail, pointer }]);
  }
  requireFitting(settings, input.kind, input);
}

function requireFitting(settings: Settings, kind: ChannelRow["kind"], input: NotificationChannelEdit): void {
  if (kind === "email") {
    if (input.url !== undefined) throw invalidAttribute("url", "A channel of kind email has no url.");
    if (settings.mail !== true) {
      throw invalidAttribute(
        "kind",
        "E-mail is not set up; the operator sets CLAVIGER_SMTP_URL and CLAVIGER_SMTP_FROM.",
      );
    }
    return;
  }
  if (input.recipients !== undefined) {
    throw invalidAttribute("recipients", `A channel of kind ${kind} has no recipients.`);
  }
  if (input.url === undefined) return;
  if (!mayReach(settings.egressAllow, new URL(input.url))) {
    throw invalidAttribute(
      "url",
      "url must be https on the public internet; the operator has not allowed this address.",
    );
  }
}

/** As far as it can be told before the name is resolved. A name may be one of the operator's networks if there are any. */
function mayReach(egressAllow: readonly string[], url: URL): boolean {
  const allow = readEgressAllow(egressAllow);
  if ("bad" in allow) return false;
  const mode = egressModeOf(allow, url);
  return mode === "listed" ? egressAllow.some((entry) => entry.includes("/")) : mode !== "blocked";
}

/** Slack's URL is the whole secret, so only its host is kept in the clear. */
function targetOf(kind: ChannelRow["kind"], url: string | undefined): string | null {
  if (url === undefined) return null;
  return kind === "slack" ? new URL(url).origin : url;
}

async function wrap(ports: Ports, id: string, secret: string | undefined): Promise<Uint8Array | null> {
  return secret === undefined ? null : ports.vault.wrap(new TextEncoder().encode(secret), channelContext(id));
}

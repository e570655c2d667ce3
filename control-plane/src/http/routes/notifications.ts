import { ListParameters, listQuery, pageParameters } from "@claviger/shared/api/list";
import {
  NotificationChannelCreate,
  NotificationChannelEdit,
  NotificationRulesEdit,
  NotificationsSeen,
} from "@claviger/shared/api/notification";
import * as z from "zod";
import { listDeliveries, retryDelivery, testChannel } from "../../notifications/deliveries.ts";
import { listChannels, listNotifications, markSeen } from "../../notifications/list.ts";
import { editRules, readRules } from "../../notifications/rules.ts";
import {
  createChannel,
  deleteChannel,
  editChannel,
  rotateChannel,
} from "../../notifications/save-channel.ts";
import { readChannel } from "../../notifications/view.ts";
import { changed, created, gone, listed, read } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const none = { kind: "none" } as const;
const nothing = { kind: "plain", schema: z.strictObject({}) } as const;
const channel = "notification-channel";
const channels = "/api/v1/notification-channels";
const rules = "/api/v1/notification-rules";

const DeliveryQuery = z.strictObject({
  ...pageParameters,
  "filter[channel]": z.string().min(1).max(64).optional(),
});
type DeliveryQuery = z.infer<typeof DeliveryQuery>;

const told: readonly Route[] = [
  memberRoute({
    method: "GET",
    path: "/api/v1/notifications",
    summary:
      "List what the organization was told, newest first; meta.unseen counts what the caller has not seen",
    access: "viewer",
    body: none,
    query: ListParameters,
    answers: "notification",
    handle: async ({ ports, caller, query }) => {
      const { resources, next, total, unseen } = await listNotifications(ports, caller, listQuery(query));
      return { kind: "list", resources, next, meta: { total, unseen } };
    },
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/notifications/seen",
    summary: "Count everything up to a notification as seen by oneself",
    access: "viewer",
    body: { kind: "plain", schema: NotificationsSeen },
    handle: async ({ ports, caller, body }) => {
      await markSeen(ports, caller, body);
      return gone();
    },
  }),
  memberRoute({
    method: "GET",
    path: rules,
    summary: "Read what the organization wants to be told of",
    access: "viewer",
    body: none,
    answers: "notification-rules",
    handle: async ({ ports, caller }) => read(await readRules(ports, caller)),
  }),
  memberRoute({
    method: "PATCH",
    path: rules,
    summary: "Change what the organization wants to be told of",
    access: "admin",
    body: { kind: "resource", type: "notification-rules", attributes: NotificationRulesEdit },
    answers: "notification-rules",
    handle: async ({ ports, caller, body, ifMatch }) =>
      changed(await editRules(ports, caller, body, ifMatch)),
  }),
];

const ways: readonly Route[] = [
  memberRoute({
    method: "GET",
    path: channels,
    summary: "List the channels that notifications go by; their secrets are never shown",
    access: "admin",
    body: none,
    answers: channel,
    handle: async ({ ports, caller }) => listed(await listChannels(ports, caller)),
  }),
  memberRoute({
    method: "POST",
    path: channels,
    summary: "Add a webhook, Slack or e-mail; a webhook's signing secret is in meta.secretKey, once",
    access: "admin",
    body: { kind: "resource", type: channel, attributes: NotificationChannelCreate },
    answers: channel,
    handle: async ({ ports, settings, caller, body }) =>
      created(await createChannel(ports, settings, caller, body)),
  }),
  memberRoute({
    method: "GET",
    path: `${channels}/:id`,
    summary: "Read a channel",
    access: "admin",
    body: none,
    answers: channel,
    handle: async ({ ports, caller, params }) => read(await readChannel(ports, caller, params.id ?? "")),
  }),
  memberRoute({
    method: "PATCH",
    path: `${channels}/:id`,
    summary: "Edit a channel",
    access: "admin",
    body: { kind: "resource", type: channel, attributes: NotificationChannelEdit },
    answers: channel,
    handle: async ({ ports, settings, caller, params, body, ifMatch }) =>
      changed(await editChannel(ports, settings, caller, { id: params.id ?? "", ifMatch }, body)),
  }),
  memberRoute({
    method: "DELETE",
    path: `${channels}/:id`,
    summary: "Delete a channel; what is on its way by it is not tried again",
    access: "admin",
    body: nothing,
    answers: channel,
    handle: async ({ ports, caller, params }) => changed(await deleteChannel(ports, caller, params.id ?? "")),
  }),
  memberRoute({
    method: "POST",
    path: `${channels}/:id/rotate`,
    summary: "A new signing secret for a webhook, in meta.secretKey, once; the former one ends",
    access: "admin",
    body: nothing,
    answers: channel,
    handle: async ({ ports, caller, params }) => changed(await rotateChannel(ports, caller, params.id ?? "")),
  }),
  memberRoute({
    method: "POST",
    path: `${channels}/:id/test`,
    summary: "Send a test by a channel and wait for its first attempt",
    access: "admin",
    body: nothing,
    answers: "notification-delivery",
    handle: async ({ ports, caller, params, waitMs, left }) => ({
      kind: "one",
      resource: await testChannel(ports, caller, params.id ?? "", { waitMs, left }),
    }),
  }),
];

const sent: readonly Route[] = [
  memberRoute<undefined, DeliveryQuery>({
    method: "GET",
    path: "/api/v1/notification-deliveries",
    summary: "List what was sent by which channel, newest first",
    access: "admin",
    body: none,
    query: DeliveryQuery,
    answers: "notification-delivery",
    handle: async ({ ports, caller, query }) =>
      listed(await listDeliveries(ports, caller, listQuery(query), query["filter[channel]"])),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/notification-deliveries/:id/retry",
    summary: "Try a failed delivery again",
    access: "admin",
    body: nothing,
    answers: "notification-delivery",
    handle: async ({ ports, caller, params }) => ({
      kind: "one",
      resource: await retryDelivery(ports, caller, params.id ?? ""),
    }),
  }),
];

export const notificationRoutes: readonly Route[] = [...told, ...ways, ...sent];

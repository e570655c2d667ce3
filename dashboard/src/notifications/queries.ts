/** What the pages of notifications read. */
import type {
  NotificationChannelView,
  NotificationDeliveryView,
  NotificationRules,
  NotificationView,
} from "@claviger/shared/api/notification";
import type { Resource } from "@claviger/shared/api/resource";
import { queryOptions } from "@tanstack/react-query";
import { ask } from "../api/client.ts";
import { isLive } from "../api/live.ts";

export type Notification = Resource<NotificationView>;
export type Channel = Resource<NotificationChannelView>;
export type Delivery = Resource<NotificationDeliveryView>;
export type Rules = Resource<NotificationRules>;

/** While nothing is told by itself; else the net below it. */
const TOLD_MS = 15_000;
const NET_MS = 300_000;
const SENT_MS = 3_000;
const SHOWN = "page[size]=100";

/** The newest, and how many of all of them were not seen. */
export const toldQuery = queryOptions({
  queryKey: ["notifications"],
  queryFn: ({ signal }) => ask<Notification[]>("GET", `/notifications?${SHOWN}`, { signal }),
  refetchInterval: () => (isLive() ? NET_MS : TOLD_MS),
  refetchIntervalInBackground: false,
  staleTime: 5_000,
});

export const channelsQuery = queryOptions({
  queryKey: ["notification-channels"],
  queryFn: async ({ signal }) => (await ask<Channel[]>("GET", "/notification-channels", { signal })).data,
  staleTime: 10_000,
});

export const deliveriesQuery = queryOptions({
  queryKey: ["notification-deliveries"],
  queryFn: async ({ signal }) =>
    (await ask<Delivery[]>("GET", `/notification-deliveries?${SHOWN}`, { signal })).data,
  refetchInterval: SENT_MS,
  refetchIntervalInBackground: false,
});

export const rulesQuery = queryOptions({
  queryKey: ["notification-rules"],
  queryFn: async ({ signal }) => (await ask<Rules>("GET", "/notification-rules", { signal })).data.attributes,
});

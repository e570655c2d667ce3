/** What the API takes and shows of notifications, the channels that they go by, and the rules that make them. */
import * as z from "zod";
import { Email, isPlainText, isSet, Label, TWICE } from "./attribute.ts";

export const NOTIFICATION_KINDS = [
  "budget.threshold",
  "key.expiring",
  "gateway.offline",
  "gateway.back",
  "key.unfamiliar-network",
  "errors.spike",
  "test",
] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

const Kinds = z
  .array(z.enum(NOTIFICATION_KINDS))
  .min(1, "must be null (all) or not empty")
  .refine(isSet, TWICE)
  .nullable();

const Address = z
  .url({ protocol: /^https?$/, error: "must be an http(s) URL" })
  .max(2048, "must not be longer than 2048 characters")
  .refine(isPlainText, "must not hold control characters")
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const { username, password, hash } = new URL(text);
    return username === "" && password === "" && hash === "";
  }, "must not hold credentials or a fragment");

const Recipients = z
  .array(Email)
  .min(1, "must not be empty")
  .max(20, "must not have more than 20 entries")
  .refine(isSet, TWICE);

export const NotificationChannelCreate = z.strictObject({
  kind: z.enum(["webhook", "slack", "email"]),
  name: Label,
  /** Of a webhook or of Slack. */
  url: Address.optional(),
  /** Of e-mail. */
  recipients: Recipients.optional(),
  enabled: z.boolean().optional(),
  kinds: Kinds.optional(),
});
export type NotificationChannelCreate = z.infer<typeof NotificationChannelCreate>;

export const NotificationChannelEdit = z.strictObject({
  name: Label.optional(),
  url: Address.optional(),
  recipients: Recipients.optional(),
  enabled: z.boolean().optional(),
  kinds: Kinds.optional(),
});
export type NotificationChannelEdit = z.infer<typeof NotificationChannelEdit>;

export interface NotificationChannelView {
  readonly kind: "webhook" | "slack" | "email";
  readonly name: string;
  /** A webhook's URL; of Slack's, which is a secret, the host; null for e-mail. */
  readonly url: string | null;
  readonly recipients: readonly string[];
  readonly enabled: boolean;
  readonly kinds: readonly NotificationKind[] | null;
  readonly createdAt: string;
}

const Percent = z.int().min(1).max(100);

/** Every member is optional in an edit; what is not named stays. */
export const NotificationRulesEdit = z.strictObject({
  budgetThreshold: z
    .strictObject({ enabled: z.boolean(), thresholds: z.array(Percent).min(1).max(10).refine(isSet, TWICE) })
    .partial()
    .optional(),
  keyExpiring: z
    .strictObject({
      enabled: z.boolean(),
      days: z.array(z.int().min(1).max(90)).min(1).max(5).refine(isSet, TWICE),
    })
    .partial()
    .optional(),
  gatewayOffline: z
    .strictObject({ enabled: z.boolean(), afterSeconds: z.int().min(60).max(86_400) })
    .partial()
    .optional(),
  unfamiliarNetwork: z
    .strictObject({ enabled: z.boolean(), learnHours: z.int().min(0).max(720) })
    .partial()
    .optional(),
  errorSpike: z
    .strictObject({ enabled: z.boolean(), percent: Percent, requestsMin: z.int().min(1).max(1_000_000) })
    .partial()
    .optional(),
});
export type NotificationRulesEdit = z.infer<typeof NotificationRulesEdit>;

export interface NotificationRules {
  /** `thresholds` count for budgets that have none of their own. */
  readonly budgetThreshold: { readonly enabled: boolean; readonly thresholds: readonly number[] };
  readonly keyExpiring: { readonly enabled: boolean; readonly days: readonly number[] };
  readonly gatewayOffline: { readonly enabled: boolean; readonly afterSeconds: number };
  /** In its first `learnHours` of use a key's networks are learnt and nobody is told. */
  readonly unfamiliarNetwork: { readonly enabled: boolean; readonly learnHours: number };
  /** Of a provider's requests in the last five minutes. */
  readonly errorSpike: { readonly enabled: boolean; readonly percent: number; readonly requestsMin: number };
}

export const DEFAULT_RULES: NotificationRules = {
  budgetThreshold: { enabled: true, thresholds: [80, 100] },
  keyExpiring: { enabled: true, days: [1, 7] },
  gatewayOffline: { enabled: true, afterSeconds: 120 },
  unfamiliarNetwork: { enabled: true, learnHours: 24 },
  errorSpike: { enabled: true, percent: 25, requestsMin: 20 },
};

export interface NotificationView {
  readonly kind: NotificationKind;
  readonly title: string;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: string;
  /** By whoever asks. */
  readonly seen: boolean;
}

export interface NotificationDeliveryView {
  readonly notificationId: string;
  readonly channelId: string;
  readonly kind: NotificationKind;
  readonly title: string;
  readonly status: "pending" | "delivered" | "failed";
  readonly attempts: number;
  readonly nextAttemptAt: string | null;
  /** Of the last attempt: the status that was answered, or why there was none. */
  readonly answer: string | null;
  readonly createdAt: string;
  readonly endedAt: string | null;
}

/** `{upTo}`: the newest notification that the member has seen; absent: all there are. */
export const NotificationsSeen = z.strictObject({ upTo: z.string().min(1).max(64).optional() });
export type NotificationsSeen = z.infer<typeof NotificationsSeen>;

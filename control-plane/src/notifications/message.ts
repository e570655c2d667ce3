/** One notification in the words of each kind of channel. */
import type { NotificationRow } from "./view.ts";

export type Told = Pick<NotificationRow, "kind" | "title" | "text" | "data" | "at" | "orgId">;

/** The body of a webhook: `type`, `timestamp`, `data` (standardwebhooks.com, "Payload structure"). */
export function webhookBody({ kind, title, text, data, at, orgId }: Told): string {
  const timestamp = at.toISOString();
  return JSON.stringify({ type: kind, timestamp, data: { organizationId: orgId, title, text, ...data } });
}

/** The body of an incoming webhook of Slack, and of those that take the same. */
export function slackBody({ title, text }: Told): string {
  return JSON.stringify({ text: `*${slackText(title)}*\n${slackText(text)}` });
}

/** Slack's three control characters (api.slack.com, "Escaping text"): no name of ours becomes a link or a mention. */
function slackText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

export interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** The same for every attempt. */
  readonly id: string;
}

export function mailOf(told: Told, to: readonly string[], id: string, publicUrl: string): Mail {
  const where = `${publicUrl}/dashboard/notifications`;
  const text = `${told.text}\n\n${told.at.toISOString()}\n${where}\n`;
  return { to, subject: told.title.replace(/\s+/g, " "), text, id };
}

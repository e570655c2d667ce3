/** What a told change has moved, as the cache names it. */
import type { LiveChange } from "@claviger/shared/api/event";

/** Nouns whose list is not called by their plural in "s". */
const lists: Readonly<Record<string, string>> = {
  "model-alias": "model-aliases",
  "notification-rules": "notification-rules",
};

/** What else shows something of a noun. */
const touched: Readonly<Record<string, readonly string[]>> = {
  "api-key": ["safety"],
  project: ["api-keys", "safety", "agents", "llm-api-keys", "model-aliases"],
  member: ["api-keys", "agents", "session", "invitations"],
  organization: ["session"],
  invitation: ["members"],
  model: ["providers"],
  "model-alias": ["models"],
  "llm-api-key": ["models", "providers", "model-aliases"],
};

/** The first part of every key of the cache that may be stale after this change. */
export function nounsOf({ action }: Pick<LiveChange, "action">): string[] {
  const noun = action.split(".")[0] ?? "";
  return [lists[noun] ?? `${noun}s`, ...(touched[noun] ?? [])];
}

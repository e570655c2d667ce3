/** By what the list of API keys is filtered and sorted. Without a schema, so that whoever only asks loads none. */

export const apiKeyStatuses = ["active", "inactive", "expired", "revoked"] as const;

/** What `sort` takes, with a `-` before it too. */
export const apiKeySorts = [
  "name",
  "owner",
  "status",
  "requests",
  "lastUsedAt",
  "createdAt",
  "expiresAt",
  "spentUsd",
] as const;
export type ApiKeySort = (typeof apiKeySorts)[number];

/** What `filter[safety]` takes, each about active keys: without a budget, without an end, unused for 90 days, without any list. */
export const keySafeties = ["no-budget", "never-expires", "idle", "permissive"] as const;
export type KeySafety = (typeof keySafeties)[number];

/** Value by value: a key as it was opened, as somebody else has left it, and as it is to be saved. */
import type { ApiKeyView } from "@claviger/shared/api/api-key";

const names = [
  ...(["name", "ownerId", "expiresAt", "requestsPerMinute", "tokensPerMinute", "maxConcurrency"] as const),
  ...(["budgetUsd", "budgetPeriod", "budgetAlertThresholds", "allowedProviders", "allowedModels"] as const),
  ...([
    "ipAllowlist",
    "metadata",
    "maxStalenessSeconds",
    "gatewayIds",
    "mcp",
    "toolCallsPerMinute",
    "status",
  ] as const),
] as const;

export interface Difference {
  readonly name: (typeof names)[number];
  readonly before: unknown;
  readonly theirs: unknown;
  /** Undefined: left as it is. */
  readonly mine: unknown;
}

/** What they changed, and what is to be saved over it. */
export function differencesOf(
  before: ApiKeyView,
  theirs: ApiKeyView,
  mine: Readonly<Record<string, unknown>>,
): Difference[] {
  return names
    .filter((name) => name in mine || JSON.stringify(before[name]) !== JSON.stringify(theirs[name]))
    .map((name) => ({ name, before: before[name], theirs: theirs[name], mine: mine[name] }));
}

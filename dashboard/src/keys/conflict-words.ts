/** Two edits of one key. */
export const conflictWords = {
  title: "Changed meanwhile",
  somebody: "Somebody else",
  won: "{who} saved first. What they changed is in force; nothing of yours is saved yet.",
  next: "Save again to put your changes on top: what you did not touch stays as they left it.",
  takeTheirs: "Drop mine, take theirs",
  what: "What",
  before: "When you opened it",
  theirs: "Now",
  mine: "Yours",
  untouched: "not touched",
  nothing: "–",
  names: {
    name: "Name",
    ownerId: "Owner",
    expiresAt: "Expires",
    requestsPerMinute: "Requests/min",
    tokensPerMinute: "Tokens/min",
    maxConcurrency: "Requests at once",
    budgetUsd: "Budget ($)",
    budgetPeriod: "Budget period",
    budgetAlertThresholds: "Alert thresholds (%)",
    allowedProviders: "Providers",
    allowedModels: "Models",
    ipAllowlist: "IP Allowlist",
    metadata: "Metadata",
    maxStalenessSeconds: "Seconds without contact",
    gatewayIds: "Gateways",
    mcp: "MCP",
    toolCallsPerMinute: "Tool calls/min",
    status: "Status",
  },
} as const;

/** The course of a key's budget. */
export const budgetWords = {
  title: "Budget, spent and forecast",
  spent: "Spent",
  ahead: "Forecast",
  cap: "Never more than {amount}",
  reaches:
    "At this pace ≈ all of {amount} is spent by {at}; from then on requests are refused. US dollars, UTC",
  stays: "At this pace ≈ {amount} by {at}. US dollars, UTC",
  help: "{title}. The arrow keys move along it.",
} as const;

/** What the form holds, and how that becomes the API's attributes and back. Text stays text until it is sent. */
import type { ApiKeyView } from "@claviger/shared/api/api-key";

export const presets = ["never", "30d", "60d", "90d", "180d", "1y", "exact"] as const;
export type Preset = (typeof presets)[number];

export const periods = ["total", "daily", "weekly", "monthly"] as const;
export const mcpModes = ["allow-all", "deny-all", "allow-list", "deny-list"] as const;

export interface KeyValues {
  name: string;
  ownerId: string;
  projectId: string;
  expiry: Preset;
  /** `2026-12-20T15:03`, in UTC; counts when `expiry` is `exact`. */
  expiresAt: string;
  requestsPerMinute: string;
  tokensPerMinute: string;
  maxConcurrency: string;
  toolCallsPerMinute: string;
  budgetUsd: string;
  budgetPeriod: (typeof periods)[number];
  thresholds: string[];
  providers: string[];
  models: string[];
  ips: string[];
  pairs: { name: string; value: string }[];
  /** Set while metadata is edited as JSON. */
  metadataJson: string | null;
  stalenessSeconds: string;
  gatewayIds: string[];
  mcpEnabled: boolean;
  mcpMode: (typeof mcpModes)[number];
  mcpServers: string[];
  mcpTools: Record<string, string[]>;
}

const days: Record<Exclude<Preset, "never" | "exact">, number> = {
  "30d": 30,
  "60d": 60,
  "90d": 90,
  "180d": 180,
  "1y": 365,
};

/** An empty form: no limits, 15 minutes without contact. */
export function blankValues(ownerId: string, projectId: string): KeyValues {
  return {
    name: "",
    ownerId,
    projectId,
    expiry: "never",
    expiresAt: "",
    requestsPerMinute: "",
    tokensPerMinute: "",
    maxConcurrency: "",
    toolCallsPerMinute: "",
    budgetUsd: "",
    budgetPeriod: "total",
    thresholds: ["50", "80", "100"],
    providers: [],
    models: [],
    ips: [],
    pairs: [],
    metadataJson: null,
    stalenessSeconds: "900",
    gatewayIds: [],
    mcpEnabled: false,
    mcpMode: "allow-list",
    mcpServers: [],
    mcpTools: {},
  };
}

/** The form of a key that exists. */
export function valuesOf(view: ApiKeyView): KeyValues {
  const metadata = Object.entries(view.metadata);
  const flat = metadata.every(([, value]) => typeof value === "string");
  const text = (value: number | string | null) => (value === null ? "" : String(value));
  return {
    name: view.name,
    ownerId: view.ownerId,
    projectId: view.projectId,
    expiry: view.expiresAt === null ? "never" : "exact",
    expiresAt: view.expiresAt?.slice(0, 16) ?? "",
    requestsPerMinute: text(view.requestsPerMinute),
    tokensPerMinute: text(view.tokensPerMinute),
    maxConcurrency: text(view.maxConcurrency),
    toolCallsPerMinute: text(view.toolCallsPerMinute),
    budgetUsd: text(view.budgetUsd),
    budgetPeriod: view.budgetPeriod ?? "total",
    thresholds: (view.budgetAlertThresholds ?? []).map(String),
    providers: [...(view.allowedProviders ?? [])],
    models: [...(view.allowedModels ?? [])],
    ips: [...(view.ipAllowlist ?? [])],
    pairs: flat ? metadata.map(([name, value]) => ({ name, value: String(value) })) : [],
    metadataJson: flat ? null : JSON.stringify(view.metadata, null, 2),
    stalenessSeconds: String(view.maxStalenessSeconds),
    gatewayIds: [...(view.gatewayIds ?? [])],
    mcpEnabled: view.mcp.enabled,
    mcpMode: view.mcp.mode ?? "allow-list",
    mcpServers: [...(view.mcp.servers ?? [])],
    mcpTools: Object.fromEntries(
      Object.entries(view.mcp.tools ?? {}).map(([server, tools]) => [server, [...tools]]),
    ),
  };
}

/** When the form's key ends, as ISO 8601; null for never, undefined while an exact time is not whole. */
export function expiryOf(
  values: Pick<KeyValues, "expiry" | "expiresAt">,
  nowMs: number,
): string | null | undefined {
  if (values.expiry === "never") return null;
  if (values.expiry !== "exact") return new Date(nowMs + days[values.expiry] * 86_400_000).toISOString();
  const date = new Date(`${values.expiresAt}:00Z`);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** What is sent. Numbers that are none stay text, so that the contract's own schema refuses them. */
export function attributesOf(values: KeyValues, nowMs: number): Record<string, unknown> {
  const whole = (text: string) =>
    text.trim() === "" ? null : /^\d+$/.test(text.trim()) ? Number(text) : text;
  const list = (names: readonly string[]) => (names.length === 0 ? null : names);
  const budgetUsd = values.budgetUsd.trim() === "" ? null : values.budgetUsd.trim();
  return {
    name: values.name.trim(),
    ownerId: values.ownerId,
    expiresAt: expiryOf(values, nowMs) === undefined ? values.expiresAt : expiryOf(values, nowMs),
    requestsPerMinute: whole(values.requestsPerMinute),
    tokensPerMinute: whole(values.tokensPerMinute),
    maxConcurrency: whole(values.maxConcurrency),
    toolCallsPerMinute: whole(values.toolCallsPerMinute),
    budgetUsd,
    budgetPeriod: budgetUsd === null ? null : values.budgetPeriod,
    budgetAlertThresholds: budgetUsd === null ? null : values.thresholds.map(whole),
    allowedProviders: list(values.providers),
    allowedModels: list(values.models),
    ipAllowlist: list(values.ips),
    metadata: metadataOf(values),
    maxStalenessSeconds: whole(values.stalenessSeconds),
    gatewayIds: list(values.gatewayIds),
    mcp: mcpOf(values),
  };
}

function metadataOf({ metadataJson, pairs }: KeyValues): unknown {
  if (metadataJson === null) {
    return Object.fromEntries(
      pairs.filter(({ name }) => name !== "").map(({ name, value }) => [name, value]),
    );
  }
  if (metadataJson.trim() === "") return {};
  try {
    return JSON.parse(metadataJson);
  } catch {
    // Not JSON yet: the text is what the schema refuses.
    return metadataJson;
  }
}

function mcpOf({ mcpEnabled, mcpMode, mcpServers, mcpTools }: KeyValues) {
  if (!mcpEnabled) return { enabled: false };
  if (mcpMode === "deny-all") return { enabled: true, mode: mcpMode };
  const admits = (server: string) =>
    mcpMode === "allow-all" || mcpServers.includes(server) === (mcpMode === "allow-list");
  // An empty list is none of its tools, which says something.
  const tools = Object.entries(mcpTools).filter(([server]) => admits(server));
  return {
    enabled: true,
    mode: mcpMode,
    ...(mcpMode === "allow-all" || mcpServers.length === 0 ? {} : { servers: mcpServers }),
    ...(tools.length === 0 ? {} : { tools: Object.fromEntries(tools) }),
  };
}

/** The members of `after` that differ from `before`. */
export function changesBetween(before: Record<string, unknown>, after: Record<string, unknown>) {
  return Object.fromEntries(
    Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])),
  );
}

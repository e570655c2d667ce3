/** Builders: a record that admits everything, and whatever a test changes about it. */
import type { Freshness, ModelFacts, TableView } from "../decide/view.ts";
import { HeldMcpServers } from "../sync/mcp-table.ts";
import type {
  AliasRecord,
  KeyRecord,
  McpServerRecord,
  PolicyRecord,
  ProjectRecord,
  ProviderRecord,
} from "../wire/record.ts";

export const NOW_MS = Date.UTC(2026, 10, 20, 15, 0, 0);

/** A digest that is easy to tell apart: 43 characters, the text first. */
export function fakeDigest(text: string): string {
  return text.padEnd(43, "_").slice(0, 43);
}

/** An active key without any limit, whose present secret has the hash `fakeDigest("secret")`. */
export function buildKey(changes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: "key_000000000001",
    projectId: "prj_000000000001",
    kind: "key",
    generation: 1,
    hashes: [{ hash: fakeDigest("secret"), generation: 1, notAfterMs: null }],
    status: "active",
    expiresAtMs: null,
    maxStalenessSeconds: 900,
    requestsPerMinute: null,
    tokensPerMinute: null,
    maxConcurrency: null,
    budgetId: null,
    allowedProviders: null,
    allowedModels: null,
    ipAllowlist: null,
    gatewayIds: null,
    mcp: { enabled: false },
    metadata: {},
    ...changes,
  };
}

/** An enabled project without a budget. */
export function buildProject(changes: Partial<ProjectRecord> = {}): ProjectRecord {
  return { id: "prj_000000000001", enabled: true, budgetId: null, ...changes };
}

/** An enabled organization without a budget. */
export function buildPolicy(changes: Partial<PolicyRecord> = {}): PolicyRecord {
  return {
    id: "org_000000000001",
    enabled: true,
    auditPolicy: "strict",
    defaultMaxOutputTokens: null,
    bodyCapture: false,
    budgetId: null,
    ...changes,
  };
}

/** The sandbox provider's LLM key of the first project. */
export function buildProvider(changes: Partial<ProviderRecord> = {}): ProviderRecord {
  return {
    id: "llm_000000000001",
    projectId: "prj_000000000001",
    provider: "sandbox",
    name: "sandbox",
    baseUrl: "http://127.0.0.1:8709",
    models: ["echo", "story", "embed"],
    secretVersion: 1,
    ...changes,
  };
}

/** An MCP server for every project, of which nothing is accepted yet. */
export function buildMcpServer(changes: Partial<McpServerRecord> = {}): McpServerRecord {
  return {
    id: "mcp_000000000001",
    name: "files",
    url: "https://mcp.example.com/mcp",
    projectIds: null,
    enabled: true,
    secretVersion: null,
    newOffers: "pending",
    pins: [],
    ...changes,
  };
}

export interface Records {
  readonly keys?: readonly KeyRecord[];
  readonly projects?: readonly ProjectRecord[];
  readonly policy?: PolicyRecord | undefined;
  readonly providers?: readonly ProviderRecord[];
  readonly configured?: boolean;
  readonly closed?: readonly string[];
  readonly denied?: readonly string[];
  /** Under `provider/model`. */
  readonly models?: Readonly<Record<string, ModelFacts>>;
  readonly aliases?: readonly AliasRecord[];
  readonly mcpServers?: readonly McpServerRecord[];
}

/** The naive table: what is not named is one enabled project, one enabled organization, one sandbox LLM key. */
export function buildView(records: Records = {}): TableView {
  const { keys = [buildKey()], projects = [buildProject()], providers = [buildProvider()] } = records;
  const policy = "policy" in records ? records.policy : buildPolicy();
  const mcp = new HeldMcpServers();
  for (const server of records.mcpServers ?? []) mcp.set(server.id, server);
  return {
    byHash(hash) {
      for (const key of keys) {
        const found = key.hashes.find((each) => each.hash === hash);
        if (found) return { key, hash: found };
      }
      return undefined;
    },
    key: (id) => keys.find((key) => key.id === id),
    closed: (keyId) => records.closed?.includes(keyId) ?? false,
    project: (id) => projects.find((project) => project.id === id),
    policy: () => policy,
    denied: (tokenId) => records.denied?.includes(tokenId) ?? false,
    provider: (id) => providers.find((provider) => provider.id === id),
    providersOf: (projectId) =>
      providers.filter((provider) => provider.projectId === projectId).sort((a, b) => (a.id < b.id ? -1 : 1)),
    priceOf: (provider, model) => records.models?.[`${provider}/${model}`],
    alias: (projectId, name) => aliasesOf(records, projectId).find((alias) => alias.name === name),
    aliasesOf: (projectId) => aliasesOf(records, projectId),
    mcp,
    configured: records.configured ?? true,
    epoch: 1,
    rev: 1,
  };
}

function aliasesOf({ aliases = [] }: Records, projectId: string): AliasRecord[] {
  const own = aliases.filter((alias) => alias.projectId === projectId);
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...aliases.filter((alias) => alias.projectId === null && !names.has(alias.name))];
}

/** Proved this very instant. */
export const FRESH: Freshness = { ageMs: 0, nowMs: NOW_MS };

/**
 * OAuth scopes of an agent's token (RFC 6749 §3.3): `provider:x`, `model:y`, `mcp:server` and `mcp:server/tool`, separated
 * by single spaces. No scope at all asks for everything that the agent may; otherwise what is not named is not given: a
 * scope of MCP alone opens no model, and one of models alone no MCP.
 */
import { isPlainText } from "@claviger/shared/api/attribute";
import { coversMcp } from "@claviger/shared/decide/mcp";
import { coversPatterns, preparePatterns } from "@claviger/shared/decide/patterns";
import type { McpPolicy } from "@claviger/shared/wire/record";
import type { TokenLimits } from "@claviger/shared/wire/token";
import { NO_LIMITS } from "../ephemeral-tokens/mint.ts";
import type { KeyRow } from "../keys/record.ts";

/** RFC 6749 §3.3: printable ASCII without `"` and `\`. */
const TOKEN = /^(provider|model|mcp):([\x21\x23-\x5b\x5d-\x7e]{1,256})$/;

/** The limits that a scope asks for; undefined for what is no scope of ours. */
export function readScope(text: string | undefined): TokenLimits | undefined {
  if (text === undefined || text === "") return NO_LIMITS;
  const named = { provider: new Set<string>(), model: new Set<string>(), mcp: new Set<string>() };
  for (const part of text.split(" ")) {
    const match = TOKEN.exec(part);
    if (match === null || !isPlainText(part)) return undefined;
    named[match[1] as keyof typeof named].add(match[2] as string);
  }
  const mcp = mcpOf([...named.mcp]);
  if (mcp === undefined) return undefined;
  const calls = named.provider.size + named.model.size > 0;
  return {
    ...NO_LIMITS,
    providers: named.provider.size > 0 ? [...named.provider] : null,
    models: named.model.size > 0 ? [...named.model] : calls ? null : [],
    mcp,
  };
}

/** A server alone stands for all its tools, and wins over those that are named beside it. */
function mcpOf(scopes: readonly string[]): McpPolicy | undefined {
  if (scopes.length === 0) return { enabled: false };
  const tools = new Map<string, string[] | "all">();
  for (const scope of scopes) {
    const slash = scope.indexOf("/");
    const server = slash < 0 ? scope : scope.slice(0, slash);
    const tool = slash < 0 ? undefined : scope.slice(slash + 1);
    if (server === "" || server.length > 128 || tool === "") return undefined;
    const held = tools.get(server);
    if (tool === undefined) tools.set(server, "all");
    else if (held !== "all") tools.set(server, [...(held ?? []), tool]);
  }
  const named = [...tools].filter((entry): entry is [string, string[]] => entry[1] !== "all");
  return { enabled: true, mode: "allow-list", servers: [...tools.keys()], tools: Object.fromEntries(named) };
}

/** Whether the agent may all that is asked for, as it stands now. */
export function mayAsk(agent: KeyRow, limits: TokenLimits): boolean {
  const { allowedProviders, allowedModels, mcp } = agent;
  const providers = limits.providers ?? [];
  if (allowedProviders !== null && !providers.every((name) => allowedProviders.includes(name))) return false;
  const models = preparePatterns(limits.models ?? []);
  if (allowedModels !== null && !coversPatterns(preparePatterns(allowedModels), models)) return false;
  return limits.mcp === null || coversMcp(mcp, limits.mcp);
}
